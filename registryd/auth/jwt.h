// The text of a bearer token: a JSON Web Token in JWS compact form (RFC 7515, RFC 7519) with the
// claims of distribution's token specification. Reads what it says; whether that is to be believed
// is for TokenKeys and the authenticator. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "registryd/auth/jwk.h"

namespace bunker::auth {

inline constexpr std::size_t kMaxTokenBytes = 16u << 10;

struct TokenAccess {
  std::string type, name;
  std::vector<std::string> actions;
};

struct Jwt {
  // The header.
  Signing algorithm = Signing::rs256;
  std::string key_id;              // "kid"; empty: none
  std::optional<PublicKey> key;    // "jwk", which says nothing of whether it is trusted
  std::vector<std::string> chain;  // "x5c", or the jwk's: certificates as DER, the signer's first

  // The claims. Times are seconds since 1970.
  std::string issuer, subject;
  std::vector<std::string> audience;
  std::int64_t expires = 0;  // 0: always was
  std::int64_t not_before = 0;
  std::vector<TokenAccess> access;

  // What is signed, a view into the token, and the signature.
  std::string_view signed_text;
  std::string signature;
};

// `token` outlives the result. invalid: malformed, too long, with duplicate keys, signed by "none"
// or with a shared secret, or with header fields that one must understand and we do not ("crit").
[[nodiscard]] Result<Jwt> parse_jwt(std::string_view token);

}  // namespace bunker::auth
