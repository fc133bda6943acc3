// A bounded map whose entries live between one lifetime and two: the young half becomes the old one
// when it is full or its time is over, and what was old is gone. Keyed by 32 bytes that nobody
// chooses: a SHA-256 or an HMAC. Thread-safe. Owner: the cache that it is the memory of.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "lib/base/clock.h"

namespace bunker::auth {

template <class Value>
class AgingMap {
 public:
  using Key = std::array<unsigned char, 32>;

  // About 2 * `capacity` entries fit.
  AgingMap(std::chrono::seconds lifetime, std::size_t capacity)
      : lifetime_(lifetime), capacity_(capacity) {}

  [[nodiscard]] std::optional<Value> find(const Key& key, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    age(now);
    for (const Generation* generation : {&young_, &old_}) {
      const auto found = generation->find(key);
      if (found != generation->end()) return found->second;
    }
    return std::nullopt;
  }

  void insert(const Key& key, Value value, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    age(now);
    if (young_.size() >= capacity_) {
      old_ = std::exchange(young_, {});
      born_ = now;
    }
    young_.insert_or_assign(key, std::move(value));
  }

 private:
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      std::size_t hash = 0;
      std::memcpy(&hash, key.data(), sizeof hash);
      return hash;
    }
  };
  using Generation = std::unordered_map<Key, Value, KeyHash>;

  void age(SteadyTime now) {
    if (now - born_ < lifetime_) return;
    old_ = now - born_ < 2 * lifetime_ ? std::exchange(young_, {}) : Generation{};
    young_.clear();
    born_ = now;
  }

  const std::chrono::seconds lifetime_;
  const std::size_t capacity_;
  std::mutex mutex_;
  Generation young_, old_;
  SteadyTime born_{};  // when `young_` began
};

}  // namespace bunker::auth
