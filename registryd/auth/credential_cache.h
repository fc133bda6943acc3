// Remembers which credentials were right, so that bcrypt runs once a user and hour rather than once
// a request. Holds no password: an entry is an HMAC-SHA256 under a key that only this process
// knows, of the user, the password and the hash that they were checked against, so a changed hash
// misses by itself. Bounded. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include "lib/base/clock.h"
#include "registryd/auth/aging_map.h"

namespace bunker::auth {

class CredentialCache {
 public:
  struct Right {};  // all that is known of credentials
  using Key = AgingMap<Right>::Key;

  // Entries live between `lifetime` and twice that; about 2 * `capacity` fit.
  CredentialCache(std::chrono::seconds lifetime, std::size_t capacity);
  ~CredentialCache();

  [[nodiscard]] Key key(std::string_view user, std::string_view password,
                        std::string_view hash) const;
  [[nodiscard]] bool contains(const Key& key, SteadyTime now);
  void insert(const Key& key, SteadyTime now);

 private:
  struct Hmac;
  std::unique_ptr<Hmac> hmac_;
  AgingMap<Right> known_;
};

}  // namespace bunker::auth
