// Runs health checks, each at its interval, and keeps a Health up to date: log lines when a check
// changes its state, and a gauge a check.
#pragma once

#include <memory>
#include <vector>

#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/io_threads.h"
#include "lib/runtime/periodic_task.h"
#include "registryd/ops/health.h"
#include "registryd/ops/health_checks.h"

namespace bunker::ops {

// Owner: the composition root, which destroys it before what its checks use and before the
// IoThreads. Starts when constructed; the first checks run at once.
class HealthMonitor {
 public:
  HealthMonitor(IoThreads& threads, std::vector<HealthCheck> checks, Health& health, Logger& log,
                Metrics& metrics);

  // Waits for the checks under way. As PeriodicTask::stop().
  void stop();

 private:
  std::vector<std::unique_ptr<PeriodicTask>> tasks_;
};

}  // namespace bunker::ops
