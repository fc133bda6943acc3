// What is known of an object, and the cache of such knowledge that replicas share. Not for what may
// change under its key: see CachingStore for what is remembered at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/runtime/task.h"
#include "registryd/storage/object_store.h"

namespace bunker::cache {

// An object is there. Only this is ever remembered, never that one is not.
struct Fact {
  std::uint64_t size = 0;
  std::optional<std::string> content;  // of a link, where it was read
};

// Thread-safe; called on I/O threads. Owner: the composition root; outlives the CachingStore.
class SharedFacts {
 public:
  virtual ~SharedFacts() = default;
  // nullopt when it is not known, or cannot be found out in a few milliseconds. Never fails.
  virtual Task<std::optional<Fact>> find(storage::ObjectKey key) = 0;
  // Remembers in the background, unless the object was deleted within kTombstoneAge.
  virtual Task<void> keep(storage::ObjectKey key, Fact fact) = 0;
  // Makes every replica forget. Returns when that is done, or goes on with it in the background
  // where the cache cannot be reached now.
  virtual Task<void> forget(std::vector<storage::ObjectKey> keys) = 0;
  // Forgets everything of this registry.
  virtual Task<void> clear() = 0;
};

}  // namespace bunker::cache
