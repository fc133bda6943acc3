// A certificate authority: a CA certificate and its private key, checked to belong together and to
// be able to sign. Pure; copies may be used on any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/pki/certificate.h"
#include "lib/pki/key.h"

namespace bunker::pki {

class Authority {
 public:
  // invalid: the key is not the certificate's, or the certificate may not sign certificates (no
  // CA, or without the keyCertSign usage). Dates are not looked at: issuing does.
  [[nodiscard]] static Result<Authority> make(Certificate certificate, PrivateKey key,
                                              std::vector<Certificate> chain = {});

  // From `ca.crt` (the certificate that signs first, then those above it, if any, up to but
  // without the root) and `ca.key`.
  [[nodiscard]] static Result<Authority> from_pem(std::string_view certificates,
                                                  std::string_view key,
                                                  std::string_view password = {});

  [[nodiscard]] const Certificate& certificate() const noexcept { return certificate_; }
  [[nodiscard]] const PrivateKey& key() const noexcept { return key_; }
  // What a server sends after its leaf: the certificates of `ca.crt` that are not self-signed.
  [[nodiscard]] std::vector<Certificate> intermediates() const;
  // All of `ca.crt`.
  [[nodiscard]] std::vector<Certificate> chain() const;

 private:
  Authority(Certificate certificate, PrivateKey key, std::vector<Certificate> chain);
  Certificate certificate_;
  PrivateKey key_;
  std::vector<Certificate> chain_;  // above it
};

struct AuthorityRequest {
  std::string common_name;
  std::vector<std::string> organizations;
  std::chrono::seconds lifetime = std::chrono::days(3650);
  // How far NotBefore lies in the past, for peers whose clocks are late.
  std::chrono::seconds backdate = std::chrono::minutes(5);
};

// A self-signed root with `key` (RFC 5280 §4.2.1.9: CA, path length 0; it signs leaves and CRLs).
// invalid: a name that no certificate can hold, or a lifetime below a minute.
[[nodiscard]] Result<Authority> make_authority(const PrivateKey& key,
                                               const AuthorityRequest& request, SystemTime now);

}  // namespace bunker::pki
