// What a configuration says of caches, put in front of the store. Part of the composition root.
#pragma once

#include <memory>

#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/cache/caching_store.h"
#include "registryd/config/config.h"

namespace bunker {

// Thread-safe as the store is. Owner: serve(); outlives the I/O threads.
class Caching {
 public:
  virtual ~Caching() = default;
  // The store to serve from.
  [[nodiscard]] virtual storage::ObjectStore& store() noexcept = 0;
  // Null where nothing is remembered: a folder answers as fast as a cache would.
  [[nodiscard]] virtual cache::CachingStore* cache() noexcept = 0;
};

// Connects to nothing yet. All that is referred to outlives it. Errors: redis.tls names files that
// cannot be used.
[[nodiscard]] Result<std::unique_ptr<Caching>> open_caching(const config::Config& config,
                                                            storage::ObjectStore& store,
                                                            BlockingPool& pool, Logger& log,
                                                            Metrics& metrics);

}  // namespace bunker
