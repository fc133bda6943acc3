// storage.maintenance.uploadpurging: removes uploads that nobody came back to, at an interval.
#pragma once

#include <chrono>

#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/io_threads.h"
#include "lib/runtime/periodic_task.h"
#include "registryd/core/registry.h"

namespace bunker::ops {

struct PurgeOptions {
  std::chrono::seconds age = std::chrono::hours(168);           // older ones go
  std::chrono::milliseconds interval = std::chrono::hours(24);  // > 0
  bool dry_run = false;                                         // only count and log
};

// Starts when constructed; the first run comes at a random time within the first hour (or interval,
// if that is shorter), so that replicas do not all list the store at once. Owner: the composition
// root, which destroys it before what it uses and before the IoThreads.
class UploadPurger {
 public:
  UploadPurger(IoThreads& threads, registry::Registry& registry, PurgeOptions options, Logger& log,
               Metrics& metrics);

  // Waits for a run under way. As PeriodicTask::stop().
  void stop() { task_.stop(); }

 private:
  PeriodicTask task_;
};

}  // namespace bunker::ops
