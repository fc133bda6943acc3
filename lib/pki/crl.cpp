#include "lib/pki/crl.h"

#include <algorithm>
#include <limits>
#include <map>

#include <openssl/pem.h>

#include "lib/pki/pem_blocks.h"
#include "lib/pki/x509.h"

namespace bunker::pki {
namespace {

using KeyIdPtr = Owned<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using RevokedPtr = Owned<X509_REVOKED, X509_REVOKED_free>;

Result<X509CrlPtr> x509_crl_of(std::string_view der) {
  const auto* start = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* at = start;
  X509CrlPtr crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  if (!crl) return fail(Code::invalid, "the revocation list is malformed: " + openssl_reason());
  if (static_cast<std::size_t>(at - start) != der.size()) {
    return fail(Code::invalid, "something follows the revocation list");
  }
  return crl;
}

Result<std::uint64_t> number_of(X509_CRL* crl) {
  const IntegerPtr number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, nullptr, nullptr)));
  if (!number) return 0;
  std::uint64_t out = 0;
  if (ASN1_INTEGER_get_uint64(&out, number.get()) != 1 ||
      out == std::numeric_limits<std::uint64_t>::max()) {
    return fail(Code::invalid, "the number of the revocation list is out of range");
  }
  return out;
}

Result<Crl> crl_of(X509_CRL* crl, std::string_view der) {
  Crl out;
  out.issuer = name_of(X509_CRL_get_issuer(crl));
  const KeyIdPtr key_id(static_cast<AUTHORITY_KEYID*>(
      X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, nullptr, nullptr)));
  if (key_id) out.authority_key_id = hex_of(key_id->keyid);
  BUNKER_TRY_ASSIGN(out.number, number_of(crl));
  BUNKER_TRY_ASSIGN(out.this_update, to_time(X509_CRL_get0_lastUpdate(crl)));
  out.next_update = SystemTime::max();
  if (X509_CRL_get0_nextUpdate(crl) != nullptr) {
    BUNKER_TRY_ASSIGN(out.next_update, to_time(X509_CRL_get0_nextUpdate(crl)));
  }
  std::vector<Revocation> revoked;
  const auto* entries = X509_CRL_get_REVOKED(crl);
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    BUNKER_TRY_ASSIGN(const SystemTime at, to_time(X509_REVOKED_get0_revocationDate(entry)));
    revoked.push_back({hex_of(X509_REVOKED_get0_serialNumber(entry)), at});
  }
  out.revoked = merge(revoked, {});
  out.der = der;
  (void)openssl_reason();
  return out;
}

Result<void> add_entry(X509_CRL* crl, const Revocation& revocation) {
  const IntegerPtr serial = integer_of(revocation.serial);
  if (!serial) {
    return fail(Code::invalid,
                "the serial number \"" + revocation.serial + "\" is not a hexadecimal number");
  }
  const TimePtr at(ASN1_TIME_set(nullptr, to_seconds(revocation.at)));
  RevokedPtr entry(X509_REVOKED_new());
  if (!at || !entry || X509_REVOKED_set_serialNumber(entry.get(), serial.get()) != 1 ||
      X509_REVOKED_set_revocationDate(entry.get(), at.get()) != 1 ||
      X509_CRL_add0_revoked(crl, entry.get()) != 1) {
    return openssl_failed("add to a revocation list");
  }
  (void)entry.release();  // the list's now
  return {};
}

Result<void> add_extensions(X509_CRL* crl, const Certificate& issuer, std::uint64_t number) {
  const IntegerPtr value(ASN1_INTEGER_new());
  if (!value || ASN1_INTEGER_set_uint64(value.get(), number) != 1 ||
      X509_CRL_add1_ext_i2d(crl, NID_crl_number, value.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return openssl_failed("number a revocation list");
  }
  if (issuer.subject_key_id.empty()) return {};
  BUNKER_TRY_ASSIGN(const X509Ptr certificate, x509_of(issuer.der));
  const KeyIdPtr key_id(AUTHORITY_KEYID_new());
  if (key_id) key_id->keyid = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(certificate.get()));
  if (!key_id || key_id->keyid == nullptr ||
      X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, key_id.get(), 0,
                            X509V3_ADD_DEFAULT) != 1) {
    return openssl_failed("name the issuer of a revocation list");
  }
  return {};
}

Result<void> set_head(X509_CRL* crl, const Certificate& issuer, const CrlRequest& request) {
  BUNKER_TRY_ASSIGN(const X509Ptr certificate, x509_of(issuer.der));
  const TimePtr from(ASN1_TIME_set(nullptr, to_seconds(request.this_update)));
  const TimePtr until(ASN1_TIME_set(nullptr, to_seconds(request.next_update)));
  if (!from || !until || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
      X509_CRL_set_issuer_name(crl, X509_get_subject_name(certificate.get())) != 1 ||
      X509_CRL_set1_lastUpdate(crl, from.get()) != 1 ||
      X509_CRL_set1_nextUpdate(crl, until.get()) != 1) {
    return openssl_failed("begin a revocation list");
  }
  return {};
}

// As OpenSSL reads it back: leading zeros do not make it another number.
std::string canonical(std::string_view serial) {
  const IntegerPtr number = integer_of(serial);
  return number ? hex_of(number.get()) : std::string(serial);
}

}  // namespace

bool Crl::revokes(std::string_view serial) const {
  return std::ranges::binary_search(
      revoked, serial, {}, [](const Revocation& one) -> std::string_view { return one.serial; });
}

std::vector<Revocation> merge(std::span<const Revocation> first,
                              std::span<const Revocation> second) {
  std::map<std::string, SystemTime, std::less<>> all;
  for (const auto list : {first, second}) {
    for (const Revocation& one : list) {
      const auto [at, added] = all.try_emplace(canonical(one.serial), one.at);
      if (!added) at->second = std::min(at->second, one.at);
    }
  }
  std::vector<Revocation> out;
  out.reserve(all.size());
  for (const auto& [serial, at] : all) out.push_back({serial, at});
  return out;
}

Result<Crl> make_crl(const Authority& authority, CrlRequest request) {
  const Certificate& issuer = authority.certificate();
  if (!issuer.signs_crls) {
    return fail(Code::forbidden, "the certificate of " + issuer.subject.text +
                                     " may not sign revocation lists (its key usage says so)");
  }
  if (request.next_update <= request.this_update) {
    return fail(Code::invalid, "a revocation list must have its next update after this one");
  }
  const X509CrlPtr crl(X509_CRL_new());
  if (!crl) return openssl_failed("begin a revocation list");
  BUNKER_TRY(set_head(crl.get(), issuer, request));
  for (const Revocation& one : merge(request.revoked, {})) BUNKER_TRY(add_entry(crl.get(), one));
  BUNKER_TRY(add_extensions(crl.get(), issuer, request.number));
  X509_CRL_sort(crl.get());
  EVP_PKEY* key = authority.key().native();
  if (X509_CRL_sign(crl.get(), key, digest_for(key)) <= 0) {
    return openssl_failed("sign a revocation list");
  }
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_CRL(crl.get(), &bytes);
  if (size <= 0) return openssl_failed("write a revocation list");
  const std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return parse_crl(der);
}

Result<Crl> parse_crl(std::string_view der) {
  BUNKER_TRY_ASSIGN(const X509CrlPtr crl, x509_crl_of(der));
  return crl_of(crl.get(), der);
}

Result<std::vector<Crl>> parse_crls(std::string_view pem) {
  BUNKER_TRY_ASSIGN(const auto blocks, pem_blocks(pem, "X509 CRL", kMaxCrlBytes));
  std::vector<Crl> out;
  for (const std::string& der : blocks) {
    BUNKER_TRY_ASSIGN(Crl crl, parse_crl(der));
    out.push_back(std::move(crl));
  }
  return out;
}

std::string to_pem(std::span<const Crl> crls) {
  std::string out;
  for (const Crl& crl : crls) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio(bio.get(), PEM_STRING_X509_CRL, "",
                  reinterpret_cast<const unsigned char*>(crl.der.data()),
                  static_cast<long>(crl.der.size()));
    out += contents(bio.get());
  }
  return out;
}

bool signed_by(const Crl& crl, const Certificate& issuer) {
  if (!crl.authority_key_id.empty() && !issuer.subject_key_id.empty() &&
      crl.authority_key_id != issuer.subject_key_id) {
    return false;
  }
  const auto list = x509_crl_of(crl.der);
  const auto key = PublicKey::from_der(issuer.public_key);
  const bool yes = list && key && X509_CRL_verify(list->get(), key->native()) == 1;
  if (!yes) (void)openssl_reason();
  return yes;
}

const Crl* newest_of(std::span<const Crl> crls, const Certificate& issuer) {
  const Crl* newest = nullptr;
  for (const Crl& crl : crls) {
    if (newest != nullptr && crl.number <= newest->number) continue;
    if (signed_by(crl, issuer)) newest = &crl;
  }
  return newest;
}

}  // namespace bunker::pki
