// The admin API's operations over the parts of a running registryd. Part of the composition root.
#pragma once

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "lib/runtime/io_threads.h"
#include "registryd/admin/operations.h"
#include "registryd/cache/caching_store.h"
#include "registryd/core/registry.h"
#include "registryd/ops/collection_service.h"
#include "registryd/ops/health.h"

namespace bunker {

class Administration final : public admin::Operations {
 public:
  struct Deps {
    registry::Registry& registry;
    storage::ObjectStore& store;
    cache::CachingStore* cache;  // null: there is none
    ops::CollectionService& collections;
    ops::Health& health;
    IoThreads& threads;
    std::function<std::vector<admin::Reloaded>()> reload;
  };
  explicit Administration(Deps deps) : deps_(std::move(deps)) {}

  Result<void> start_collection(const admin::CollectionRequest& request) override;
  admin::CollectionStatus collection() override;
  void cancel_collection() override;
  std::vector<admin::Reloaded> reload() override { return deps_.reload(); }
  void set_read_only(bool read_only) override;
  Result<void> flush_cache() override;
  admin::Statistics statistics() override;

 private:
  const Deps deps_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace bunker
