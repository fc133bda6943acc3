// An ObjectStore that remembers, for what never changes under its key: that a blob or a manifest is
// there and how large it is, and that it is part of a repository. Tags are never remembered, nor
// that something is not there, nor bytes of blobs. Concurrent questions for one thing are one call.
//
// head() of what is remembered tells no `modified`. exact() is the same store for decisions that
// must not rest on what was true a moment ago: it asks, except for the bytes that this process
// itself wrote less than kMaxPositiveAge ago, which no collection takes so soon.
//
// Thread-safe. Owner: the composition root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "lib/observability/metrics.h"
#include "registryd/cache/facts.h"
#include "registryd/storage/object_store.h"

namespace bunker::cache {

class CachingStore : public storage::ObjectStore {
 public:
  struct Statistics {
    std::uint64_t requests = 0;  // questions that could have been answered from memory
    std::uint64_t hits = 0;      // and that were
    std::size_t entries = 0;     // kept now
  };
  [[nodiscard]] virtual Statistics statistics() = 0;
  // Forgets everything, in `shared` too.
  virtual Task<void> flush() = 0;
};

// `entries`: kept in this process at most; 0: any number. `shared` may be null. All that is
// referred to outlives the store.
[[nodiscard]] std::unique_ptr<CachingStore> make_caching_store(storage::ObjectStore& inner,
                                                               SharedFacts* shared,
                                                               std::size_t entries,
                                                               Metrics& metrics);

}  // namespace bunker::cache
