// Collections that a running registryd makes: on a schedule, and when it is asked to. One at a time
// in this process; that no two replicas collect at once is the collectors' own affair, and that a
// schedule's interval counts for all replicas together is kept in the store.
//
// Thread-safe. Owner: the composition root, which stops it before the IoThreads, and destroys it
// before what it uses.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "lib/base/clock.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/io_threads.h"
#include "lib/runtime/periodic_task.h"
#include "registryd/collect/collector.h"

namespace bunker::ops {

class CollectionService {
 public:
  struct Deps {
    IoThreads& threads;
    storage::ObjectStore& store;  // as Collector's
    const registry::Timer& timer;
    const Clock& clock;
    const registry::CollectionGuard& guard;  // of this process's pushes, for the metrics
    Logger& log;
    Metrics& metrics;
  };
  struct Status {
    collect::Progress progress;  // of the run under way, or the last one
    bool running = false;
    bool dry_run = false;
    std::string error;  // of the last one, where it failed
  };

  // `every`: nullopt only collects when asked.
  CollectionService(Deps deps, collect::Options defaults,
                    std::optional<std::chrono::nanoseconds> every);
  ~CollectionService();  // stop()
  CollectionService(const CollectionService&) = delete;
  CollectionService& operator=(const CollectionService&) = delete;

  [[nodiscard]] const collect::Options& defaults() const noexcept;
  // Begins a collection and returns. already_exists while one is under way here.
  Result<void> start(collect::Options options);
  void cancel();
  [[nodiscard]] Status status() const;
  // Nothing begins after this; what is under way is cancelled, and has ended when this returns.
  // Blocks; never on an I/O thread.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::optional<PeriodicTask> schedule_;
};

}  // namespace bunker::ops
