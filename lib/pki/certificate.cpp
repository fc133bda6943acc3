#include "lib/pki/certificate.h"

#include <array>

#include <arpa/inet.h>
#include <openssl/pem.h>

#include "lib/base/encoding.h"
#include "lib/base/sha256.h"
#include "lib/pki/openssl.h"
#include "lib/pki/x509.h"

namespace bunker::pki {
namespace {

std::string utf8_of(const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, text);
  if (size < 0) {
    (void)openssl_reason();
    return {};
  }
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

std::string raw(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::vector<std::string> attributes(const X509_NAME* name, int id) {
  std::vector<std::string> out;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, id, at)) >= 0;) {
    out.push_back(utf8_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
  }
  return out;
}

std::string ip_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int size = ASN1_STRING_length(address);
  if (size != 4 && size != 16) return {};
  inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text.data(),
            text.size());
  return text.data();
}

void add_name(const GENERAL_NAME* name, AlternativeNames& out) {
  switch (name->type) {
    case GEN_DNS:
      out.dns.push_back(raw(name->d.dNSName));
      break;
    case GEN_URI:
      out.uris.push_back(raw(name->d.uniformResourceIdentifier));
      break;
    case GEN_EMAIL:
      out.emails.push_back(raw(name->d.rfc822Name));
      break;
    case GEN_IPADD:
      if (std::string text = ip_text(name->d.iPAddress); !text.empty()) {
        out.ips.push_back(std::move(text));
      }
      break;
    default:
      break;
  }
}

AlternativeNames alternative_names(X509* certificate) {
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  return alternative_names_of(names.get());
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

std::string public_key_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

void read_usage(X509* certificate, Certificate& out) {
  // Asks OpenSSL to look at the extensions; what it cannot make sense of is for nothing.
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_INVALID) != 0) return;
  out.is_ca = (flags & EXFLAG_CA) != 0;
  const std::uint32_t usage = X509_get_key_usage(certificate);  // all bits where there is none
  out.signs_certificates = out.is_ca && (usage & KU_KEY_CERT_SIGN) != 0;
  out.signs_crls = out.is_ca && (usage & KU_CRL_SIGN) != 0;
  const std::uint32_t extended = X509_get_extended_key_usage(certificate);
  const auto allows = [&](std::uint32_t what) { return (extended & (what | XKU_ANYEKU)) != 0; };
  out.for_servers = allows(XKU_SSL_SERVER);
  out.for_clients = allows(XKU_SSL_CLIENT);
}

}  // namespace

DistinguishedName name_of(const X509_NAME* name) {
  DistinguishedName out;
  const auto common = attributes(name, NID_commonName);
  if (!common.empty()) out.common_name = common.back();
  out.organizations = attributes(name, NID_organizationName);
  out.organizational_units = attributes(name, NID_organizationalUnitName);
  const BioPtr bio(BIO_new(BIO_s_mem()));
  // Non-ASCII stays as UTF-8; control characters are escaped, so that it can be logged.
  const unsigned long flags = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
  if (bio && X509_NAME_print_ex(bio.get(), name, 0, flags) >= 0) out.text = contents(bio.get());
  return out;
}

AlternativeNames alternative_names_of(const GENERAL_NAMES* names) {
  AlternativeNames out;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    add_name(sk_GENERAL_NAME_value(names, i), out);
  }
  return out;
}

Result<Certificate> certificate_of(X509* certificate) {
  Certificate out;
  out.subject = name_of(X509_get_subject_name(certificate));
  out.issuer = name_of(X509_get_issuer_name(certificate));
  out.serial = hex_of(X509_get0_serialNumber(certificate));
  BUNKER_TRY_ASSIGN(out.not_before, to_time(X509_get0_notBefore(certificate)));
  BUNKER_TRY_ASSIGN(out.not_after, to_time(X509_get0_notAfter(certificate)));
  read_usage(certificate, out);
  out.names = alternative_names(certificate);
  out.subject_key_id = hex_of(X509_get0_subject_key_id(certificate));
  out.authority_key_id = hex_of(X509_get0_authority_key_id(certificate));
  out.public_key = public_key_of(certificate);
  if (const auto key = PublicKey::from_der(out.public_key)) out.algorithm = key->algorithm();
  out.der = der_of(certificate);
  out.fingerprint = hex_encode(sha256(out.der));
  (void)openssl_reason();  // what odd extensions left behind
  return out;
}

Result<X509Ptr> x509_of(std::string_view der) {
  const auto* start = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* at = start;
  X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate) return fail(Code::invalid, "the certificate is malformed: " + openssl_reason());
  if (static_cast<std::size_t>(at - start) != der.size()) {
    return fail(Code::invalid, "something follows the certificate");
  }
  return certificate;
}

Result<Certificate> parse_certificate(std::string_view der) {
  BUNKER_TRY_ASSIGN(const X509Ptr certificate, x509_of(der));
  return certificate_of(certificate.get());
}

std::string to_pem(const Certificate& certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const auto* der = reinterpret_cast<const unsigned char*>(certificate.der.data());
  PEM_write_bio(bio.get(), PEM_STRING_X509, "", der, static_cast<long>(certificate.der.size()));
  return std::string(contents(bio.get()));
}

bool fits(const PrivateKey& key, const Certificate& certificate) {
  const auto wanted = PublicKey::from_der(certificate.public_key);
  return wanted && EVP_PKEY_eq(wanted->native(), key.native()) == 1;
}

bool names_host(const Certificate& certificate, std::string_view host) {
  const auto x509 = x509_of(certificate.der);
  if (!x509) return false;
  std::array<unsigned char, 16> address{};
  const std::string text(host);
  for (const auto& [family, size] : {std::pair{AF_INET, 4U}, std::pair{AF_INET6, 16U}}) {
    if (inet_pton(family, text.c_str(), address.data()) == 1) {
      return X509_check_ip(x509->get(), address.data(), size, 0) == 1;
    }
  }
  return X509_check_host(x509->get(), text.data(), text.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) == 1;
}

}  // namespace bunker::pki
