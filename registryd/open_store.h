// The store of a configuration, for a command that does its work and ends. With the cache that
// registries share, so that they learn of what the command deletes.
#pragma once

#include <memory>

#include "lib/base/clock.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/backend.h"
#include "registryd/caching.h"
#include "registryd/config/config.h"

namespace bunker {

// The pool outlives it. Owner: the command.
class OpenStore {
 public:
  [[nodiscard]] static Result<std::unique_ptr<OpenStore>> open(const config::Config& config);
  // The exact one: what is remembered does not count.
  [[nodiscard]] storage::ObjectStore& store() noexcept { return caching_->store().exact(); }
  [[nodiscard]] BlockingPool& pool() noexcept { return pool_; }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }

 private:
  OpenStore() = default;
  SystemClock clock_;
  Metrics metrics_;
  BlockingPool pool_{8};
  Logger log_{{.level = LogLevel::warn}};
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Caching> caching_;
};

}  // namespace bunker
