// Remembers what tokens said whose signature was right, so that it is checked once a minute rather
// than once a request. Keyed by the token's SHA-256 and the keys that it was checked with, so that
// other keys miss by themselves; holds no token. Bounded. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "registryd/auth/aging_map.h"
#include "registryd/auth/authenticator.h"
#include "registryd/auth/token_keys.h"

namespace bunker::auth {

// What a token is good for.
struct TokenClaims {
  std::string subject;
  std::int64_t not_before = 0, expires = 0;  // seconds since 1970
  std::shared_ptr<const Grants> grants;
};
using TokenClaimsPtr = std::shared_ptr<const TokenClaims>;

class TokenCache {
  struct Entry {
    std::shared_ptr<const TokenKeys> keys;
    TokenClaimsPtr claims;
  };

 public:
  // Entries live between `lifetime` and twice that; about 2 * `capacity` fit.
  TokenCache(std::chrono::seconds lifetime, std::size_t capacity) : known_(lifetime, capacity) {}

  using Key = AgingMap<Entry>::Key;
  [[nodiscard]] static Key key(std::string_view token);

  // Null: not known.
  [[nodiscard]] TokenClaimsPtr find(const Key& key, const std::shared_ptr<const TokenKeys>& keys,
                                    SteadyTime now);
  void insert(const Key& key, std::shared_ptr<const TokenKeys> keys, TokenClaimsPtr claims,
              SteadyTime now);

 private:
  AgingMap<Entry> known_;
};

}  // namespace bunker::auth
