// Puts certificates together field by field. Internal to lib/pki. One thread.
#pragma once

#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/pki/certificate.h"
#include "lib/pki/openssl.h"
#include "lib/pki/x509.h"

namespace bunker::pki {

[[nodiscard]] Result<NamePtr> make_name(const DistinguishedName& name);
[[nodiscard]] Result<GeneralNamesPtr> make_general_names(const AlternativeNames& names);

// Whether every name can stand in a certificate.
[[nodiscard]] Result<void> check_common_name(const std::string& name);
[[nodiscard]] Result<void> check_names(const AlternativeNames& names);

class CertificateBuilder {
 public:
  // Version 3, with a random serial number of 127 bits.
  [[nodiscard]] static Result<CertificateBuilder> make(EVP_PKEY* public_key);

  [[nodiscard]] Result<void> set_subject(const DistinguishedName& name);
  [[nodiscard]] Result<void> set_validity(SystemTime not_before, SystemTime not_after);
  // The issuer's name and the authority key id; null: self-signed.
  [[nodiscard]] Result<void> set_issuer(X509* issuer);
  // Basic constraints and key usage of an authority for leaves, or of a leaf.
  [[nodiscard]] Result<void> make_ca();
  [[nodiscard]] Result<void> make_leaf(bool for_servers, bool for_clients);
  [[nodiscard]] Result<void> set_names(const AlternativeNames& names);
  [[nodiscard]] Result<Certificate> sign(EVP_PKEY* key);

 private:
  explicit CertificateBuilder(X509Ptr certificate) : certificate_(std::move(certificate)) {}
  [[nodiscard]] Result<void> add(int id, void* value, bool critical);
  [[nodiscard]] Result<void> set_key_usage(std::initializer_list<int> bits);
  X509Ptr certificate_;
};

}  // namespace bunker::pki
