// A bounded map whose entries expire: the memory of one process. Drops what was not used for
// longest. Thread-safe, with a mutex for each of a few parts. Owner: who uses it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "lib/base/clock.h"

namespace bunker::cache {

template <class Value>
class ExpiringMap {
 public:
  // Taken before the question whose answer is to be kept: an answer that was on its way while its
  // key was forgotten is not kept.
  using Ticket = std::uint64_t;

  // Keeps about `entries`; 0: any number.
  explicit ExpiringMap(std::size_t entries)
      : part_entries_(entries == 0 ? SIZE_MAX : std::max<std::size_t>(1, entries / kParts)) {}

  [[nodiscard]] std::optional<Value> find(std::string_view key, SteadyTime now) {
    Part& part = part_of(key);
    const std::lock_guard lock(part.mutex);
    const auto place = part.places.find(key);
    if (place == part.places.end()) return std::nullopt;
    if (place->second->expires <= now) {
      part.drop(place);
      return std::nullopt;
    }
    part.entries.splice(part.entries.begin(), part.entries, place->second);
    return place->second->value;
  }

  [[nodiscard]] Ticket ticket(std::string_view key) {
    Part& part = part_of(key);
    const std::lock_guard lock(part.mutex);
    return part.forgotten;
  }

  void keep(const std::string& key, Value value, SteadyTime expires, Ticket ticket) {
    Part& part = part_of(key);
    const std::lock_guard lock(part.mutex);
    if (part.forgotten != ticket) return;
    if (const auto place = part.places.find(key); place != part.places.end()) part.drop(place);
    part.entries.push_front({key, std::move(value), expires});
    part.places.emplace(part.entries.front().key, part.entries.begin());
    if (part.entries.size() > part_entries_) {
      part.drop(part.places.find(part.entries.back().key));
    }
  }

  void forget(std::string_view key) {
    Part& part = part_of(key);
    const std::lock_guard lock(part.mutex);
    ++part.forgotten;
    if (const auto place = part.places.find(key); place != part.places.end()) part.drop(place);
  }

  // Drops what turned out to be wrong. Answers that are on their way are kept: they are newer.
  void drop(std::string_view key) {
    Part& part = part_of(key);
    const std::lock_guard lock(part.mutex);
    if (const auto place = part.places.find(key); place != part.places.end()) part.drop(place);
  }

  void clear() {
    for (Part& part : parts_) {
      const std::lock_guard lock(part.mutex);
      ++part.forgotten;
      part.places.clear();
      part.entries.clear();
    }
  }

  [[nodiscard]] std::size_t size() {
    std::size_t sum = 0;
    for (Part& part : parts_) {
      const std::lock_guard lock(part.mutex);
      sum += part.entries.size();
    }
    return sum;
  }

 private:
  static constexpr std::size_t kParts = 8;

  struct Entry {
    std::string key;
    Value value;
    SteadyTime expires;
  };
  struct Part {
    using Places = std::unordered_map<std::string_view, typename std::list<Entry>::iterator>;

    void drop(typename Places::iterator place) {
      const auto entry = place->second;
      places.erase(place);  // first: its key is a view of the entry's
      entries.erase(entry);
    }

    std::mutex mutex;
    std::list<Entry> entries;  // the most recently used first
    Places places;
    Ticket forgotten = 0;
  };

  Part& part_of(std::string_view key) {
    return parts_[std::hash<std::string_view>()(key) % kParts];
  }

  const std::size_t part_entries_;
  std::array<Part, kParts> parts_;
};

}  // namespace bunker::cache
