// Remembers which credentials were right, so that bcrypt runs once a user and hour rather than once
// a request. Holds no password: an entry is an HMAC-SHA256 under a key that only this process
// knows, of the user, the password and the hash that they were checked against, so a changed hash
// misses by itself. Bounded. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_set>

#include "lib/base/clock.h"

namespace bunker::auth {

class CredentialCache {
 public:
  using Key = std::array<unsigned char, 32>;

  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };

  // Entries live between `lifetime` and twice that; about 2 * `capacity` fit.
  CredentialCache(std::chrono::seconds lifetime, std::size_t capacity);
  ~CredentialCache();

  [[nodiscard]] Key key(std::string_view user, std::string_view password,
                        std::string_view hash) const;
  [[nodiscard]] bool contains(const Key& key, SteadyTime now);
  void insert(const Key& key, SteadyTime now);

 private:
  using Generation = std::unordered_set<Key, KeyHash>;
  void age(SteadyTime now);

  const std::chrono::seconds lifetime_;
  const std::size_t capacity_;
  struct Hmac;
  std::unique_ptr<Hmac> hmac_;

  std::mutex mutex_;
  Generation young_, old_;
  SteadyTime born_{};  // when `young_` began
};

}  // namespace bunker::auth
