// Private and public keys: making, reading, writing. Pure over OpenSSL: no files. Copies share one
// immutable key, so they may be used on any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "lib/base/result.h"
#include "lib/pki/secret_text.h"

namespace bunker::pki {

// Those that TLS peers of today take. ecdsa_p256 is the default everywhere.
enum class KeyAlgorithm { ecdsa_p256, ecdsa_p384, rsa_2048, rsa_3072, rsa_4096, ed25519 };

// "ecdsa-p256", "rsa-2048", "ed25519", …: as in configuration.
[[nodiscard]] std::string_view to_string(KeyAlgorithm algorithm) noexcept;
[[nodiscard]] Result<KeyAlgorithm> parse_key_algorithm(std::string_view text);

class PublicKey {
 public:
  // A SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7). unsupported: RSA of less than 2048 bits, a
  // curve other than P-256 and P-384, or another kind of key.
  [[nodiscard]] static Result<PublicKey> from_der(std::string_view der);

  [[nodiscard]] const std::string& der() const noexcept { return der_; }
  // nullopt: a size that we do not make (RSA of 8192 bits), yet use.
  [[nodiscard]] std::optional<KeyAlgorithm> algorithm() const;
  // SHA-256 of der(), hexadecimal.
  [[nodiscard]] std::string fingerprint() const;
  [[nodiscard]] EVP_PKEY* native() const noexcept { return key_.get(); }

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.der_ == b.der_; }

 private:
  friend class PrivateKey;
  PublicKey(std::shared_ptr<EVP_PKEY> key, std::string der);
  std::shared_ptr<EVP_PKEY> key_;
  std::string der_;
};

class PrivateKey {
 public:
  // A new one. RSA takes tenths of seconds.
  [[nodiscard]] static Result<PrivateKey> generate(KeyAlgorithm algorithm);

  // The first private key in `pem` (PKCS#8, or the older forms of RSA and EC); other blocks are
  // ignored. `password` opens an encrypted one. invalid: none there, malformed, encrypted and no
  // or a wrong password; unsupported: as PublicKey::from_der.
  [[nodiscard]] static Result<PrivateKey> from_pem(std::string_view pem,
                                                   std::string_view password = {});

  // PKCS#8, unencrypted.
  [[nodiscard]] SecretText to_pem() const;

  [[nodiscard]] const PublicKey& public_key() const noexcept { return public_; }
  [[nodiscard]] EVP_PKEY* native() const noexcept { return key_.get(); }

 private:
  PrivateKey(std::shared_ptr<EVP_PKEY> key, PublicKey public_key);
  [[nodiscard]] static Result<PrivateKey> adopt(EVP_PKEY* key);
  std::shared_ptr<EVP_PKEY> key_;
  PublicKey public_;
};

}  // namespace bunker::pki
