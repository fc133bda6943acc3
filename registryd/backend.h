// The store that a configuration names, with all that it stands on. Part of the composition root.
#pragma once

#include <memory>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/config/config.h"
#include "registryd/storage/object_store.h"

namespace bunker {

// Thread-safe as the store is. Owner: serve().
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual storage::ObjectStore& store() noexcept = 0;
};

// Makes no call to a remote store. `pool`, `clock` and `metrics` outlive the backend. Errors: a
// folder that cannot be used, keys of storage.s3 that do not fit together.
[[nodiscard]] Result<std::unique_ptr<Backend>> open_backend(const config::Config& config,
                                                            BlockingPool& pool, const Clock& clock,
                                                            Metrics& metrics);

}  // namespace bunker
