// Public keys that tokens are signed with: from JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037) and
// certificates, with the names that tokens call them by, and the check of a signature (RFC 7515,
// RFC 7518 §3). OpenSSL does the arithmetic. Public keys and asymmetric algorithms only: there is
// no "none", and no HMAC that a public key could be taken for the secret of. Values; immutable, so
// any thread may use them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "lib/base/result.h"

struct evp_pkey_st;

namespace bunker::auth {

enum class Signing : std::uint8_t {
  rs256,
  rs384,
  rs512,
  ps256,
  ps384,
  ps512,
  es256,
  es384,
  es512,
  eddsa,
};

// JWA's name, e.g. "RS256"; nullopt for all others, "none" and "HS256" among them.
[[nodiscard]] std::optional<Signing> parse_signing(std::string_view name) noexcept;

class PublicKey {
 public:
  // A key of RSA (2048 to 8192 bits), P-256, P-384, P-521 or Ed25519; unsupported: another one.
  [[nodiscard]] static Result<PublicKey> make(std::shared_ptr<evp_pkey_st> key);
  // A JSON Web Key. invalid: malformed, a point off its curve, or not for signatures.
  [[nodiscard]] static Result<PublicKey> from_jwk(const nlohmann::json& jwk);

  // Whether `signature` is this key's over `text`, by `algorithm`, which must suit the key.
  [[nodiscard]] bool verifies(Signing algorithm, std::string_view text,
                              std::string_view signature) const;

  // RFC 7638, SHA-256, base64url: equal for equal keys only.
  [[nodiscard]] const std::string& thumbprint() const noexcept { return thumbprint_; }
  // libtrust's "ABCD:EFGH:…", which token servers for docker call keys by.
  [[nodiscard]] const std::string& fingerprint() const noexcept { return fingerprint_; }

 private:
  enum class Type : std::uint8_t { rsa, p256, p384, p521, ed25519 };
  PublicKey() = default;
  [[nodiscard]] bool suits(Signing algorithm) const noexcept;

  Type type_ = Type::rsa;
  std::shared_ptr<evp_pkey_st> key_;
  std::optional<Signing> only_for_;  // the JWK's "alg"
  std::string thumbprint_, fingerprint_;
};

}  // namespace bunker::auth
