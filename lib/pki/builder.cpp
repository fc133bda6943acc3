#include "lib/pki/builder.h"

#include <array>
#include <new>

#include <arpa/inet.h>
#include <openssl/rand.h>

namespace bunker::pki {
namespace {

using BasicConstraintsPtr = Owned<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>;
using BitStringPtr = Owned<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using GeneralNamePtr = Owned<GENERAL_NAME, GENERAL_NAME_free>;
using KeyIdPtr = Owned<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using OctetsPtr = Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using UsagesPtr = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;

Result<void> add_attribute(X509_NAME* name, int id, const std::string& text) {
  if (X509_NAME_add_entry_by_NID(name, id, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(text.data()),
                                 static_cast<int>(text.size()), -1, 0) != 1) {
    return fail(Code::invalid,
                "the name \"" + text + "\" cannot stand in a certificate: " + openssl_reason());
  }
  return {};
}

// SHA-1 of the public key's bits (RFC 5280 §4.2.1.2, method 1): an identifier, not a proof.
OctetsPtr key_id(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  OctetsPtr out(ASN1_OCTET_STRING_new());
  if (!out || X509_pubkey_digest(certificate, EVP_sha1(), digest.data(), &size) != 1 ||
      ASN1_OCTET_STRING_set(out.get(), digest.data(), static_cast<int>(size)) != 1) {
    return nullptr;
  }
  return out;
}

std::string address_bytes(const std::string& ip) {
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET, ip.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (inet_pton(AF_INET6, ip.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return {};
}

bool push(GENERAL_NAMES* names, int type, const std::string& bytes) {
  ASN1_STRING* text = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  GeneralNamePtr name(GENERAL_NAME_new());
  if (text == nullptr || !name) return false;
  GENERAL_NAME_set0_value(name.get(), type, text);
  if (ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  if (sk_GENERAL_NAME_push(names, name.get()) <= 0) return false;
  (void)name.release();  // the list's now
  return true;
}

bool set_time(ASN1_TIME* field, SystemTime time) {
  return ASN1_TIME_set(field, to_seconds(time)) != nullptr;
}

}  // namespace

Result<NamePtr> make_name(const DistinguishedName& name) {
  NamePtr out(X509_NAME_new());
  if (!out) return openssl_failed("make a name");
  for (const std::string& text : name.organizations) {
    BUNKER_TRY(add_attribute(out.get(), NID_organizationName, text));
  }
  for (const std::string& text : name.organizational_units) {
    BUNKER_TRY(add_attribute(out.get(), NID_organizationalUnitName, text));
  }
  if (!name.common_name.empty()) {
    BUNKER_TRY(add_attribute(out.get(), NID_commonName, name.common_name));
  }
  return out;
}

Result<GeneralNamesPtr> make_general_names(const AlternativeNames& names) {
  GeneralNamesPtr list(GENERAL_NAMES_new());
  bool ok = list != nullptr;
  for (const std::string& name : names.dns) ok = ok && push(list.get(), GEN_DNS, name);
  for (const std::string& ip : names.ips) {
    ok = ok && push(list.get(), GEN_IPADD, address_bytes(ip));
  }
  for (const std::string& uri : names.uris) ok = ok && push(list.get(), GEN_URI, uri);
  for (const std::string& email : names.emails) ok = ok && push(list.get(), GEN_EMAIL, email);
  if (!ok) return openssl_failed("list the names of a certificate");
  return list;
}

Result<CertificateBuilder> CertificateBuilder::make(EVP_PKEY* public_key) {
  X509Ptr certificate(X509_new());
  std::array<unsigned char, 16> serial{};
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(certificate.get(), public_key) != 1 ||
      RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) {
    return openssl_failed("begin a certificate");
  }
  serial[0] = (serial[0] & 0x7f) | 0x40;  // positive, and always of the same length
  const BignumPtr number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  if (!number ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) == nullptr) {
    return openssl_failed("set a serial number");
  }
  return CertificateBuilder(std::move(certificate));
}

Result<void> CertificateBuilder::set_subject(const DistinguishedName& name) {
  BUNKER_TRY_ASSIGN(const NamePtr subject, make_name(name));
  if (X509_set_subject_name(certificate_.get(), subject.get()) != 1) {
    return openssl_failed("set a subject");
  }
  return {};
}

Result<void> CertificateBuilder::set_validity(SystemTime not_before, SystemTime not_after) {
  if (!set_time(X509_getm_notBefore(certificate_.get()), not_before) ||
      !set_time(X509_getm_notAfter(certificate_.get()), not_after)) {
    return openssl_failed("set the dates of a certificate");
  }
  return {};
}

Result<void> CertificateBuilder::add(int id, void* value, bool critical) {
  if (X509_add1_ext_i2d(certificate_.get(), id, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) != 1) {
    return openssl_failed(std::string("add the extension ") + OBJ_nid2sn(id));
  }
  return {};
}

Result<void> CertificateBuilder::set_issuer(X509* issuer) {
  X509* signer = issuer == nullptr ? certificate_.get() : issuer;
  if (X509_set_issuer_name(certificate_.get(), X509_get_subject_name(signer)) != 1) {
    return openssl_failed("set an issuer");
  }
  const OctetsPtr own = key_id(certificate_.get());
  if (!own) return openssl_failed("identify a key");
  BUNKER_TRY(add(NID_subject_key_identifier, own.get(), false));
  // A CA made elsewhere may have another way to name its key: its own word counts.
  const ASN1_OCTET_STRING* named = X509_get0_subject_key_id(signer);
  const KeyIdPtr authority(AUTHORITY_KEYID_new());
  if (!authority) return openssl_failed("identify an issuer");
  authority->keyid = named == nullptr ? key_id(signer).release() : ASN1_OCTET_STRING_dup(named);
  if (authority->keyid == nullptr) return openssl_failed("identify an issuer");
  return add(NID_authority_key_identifier, authority.get(), false);
}

Result<void> CertificateBuilder::set_key_usage(std::initializer_list<int> bits) {
  const BitStringPtr usage(ASN1_BIT_STRING_new());
  if (!usage) return openssl_failed("set a key usage");
  for (const int bit : bits) ASN1_BIT_STRING_set_bit(usage.get(), bit, 1);
  return add(NID_key_usage, usage.get(), true);
}

Result<void> CertificateBuilder::make_ca() {
  const BasicConstraintsPtr constraints(BASIC_CONSTRAINTS_new());
  if (!constraints) return openssl_failed("make an authority");
  constraints->ca = 0xFF;  // DER's only TRUE: Go reads no other
  constraints->pathlen = ASN1_INTEGER_new();
  if (constraints->pathlen == nullptr) return openssl_failed("make an authority");
  ASN1_INTEGER_set(constraints->pathlen, 0);
  BUNKER_TRY(add(NID_basic_constraints, constraints.get(), true));
  return set_key_usage({5, 6});  // keyCertSign, cRLSign (RFC 5280 §4.2.1.3)
}

Result<void> CertificateBuilder::make_leaf(bool for_servers, bool for_clients) {
  const BasicConstraintsPtr constraints(BASIC_CONSTRAINTS_new());
  if (!constraints) return openssl_failed("make a leaf");
  BUNKER_TRY(add(NID_basic_constraints, constraints.get(), true));
  // RSA key exchange of TLS 1.2 encrypts with the server's key.
  const bool rsa = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate_.get())) == EVP_PKEY_RSA;
  if (rsa && for_servers) {
    BUNKER_TRY(set_key_usage({0, 2}));  // digitalSignature, keyEncipherment
  } else {
    BUNKER_TRY(set_key_usage({0}));
  }
  const UsagesPtr usages(EXTENDED_KEY_USAGE_new());
  if (!usages) return openssl_failed("make a leaf");
  if (for_servers) sk_ASN1_OBJECT_push(usages.get(), OBJ_nid2obj(NID_server_auth));
  if (for_clients) sk_ASN1_OBJECT_push(usages.get(), OBJ_nid2obj(NID_client_auth));
  return add(NID_ext_key_usage, usages.get(), false);
}

Result<void> CertificateBuilder::set_names(const AlternativeNames& names) {
  if (names.empty()) return {};
  BUNKER_TRY_ASSIGN(const GeneralNamesPtr list, make_general_names(names));
  const bool nameless = X509_NAME_entry_count(X509_get_subject_name(certificate_.get())) == 0;
  return add(NID_subject_alt_name, list.get(), nameless);  // critical then: RFC 5280 §4.2.1.6
}

Result<Certificate> CertificateBuilder::sign(EVP_PKEY* key) {
  if (X509_sign(certificate_.get(), key, digest_for(key)) <= 0) {
    return openssl_failed("sign a certificate");
  }
  // Read back from its bytes, as every peer will: OpenSSL remembers the
  // extensions that an object had when it was first asked.
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate_.get(), &bytes);
  if (size <= 0) return openssl_failed("write a certificate");
  const std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return parse_certificate(der);
}

}  // namespace bunker::pki
