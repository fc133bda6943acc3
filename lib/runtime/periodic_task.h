// Runs a task over and over on an I/O thread, with a pause in between, until it is stopped.
// Owner: whoever owns what the task uses; destroyed before that and before the IoThreads.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "lib/runtime/io_threads.h"
#include "lib/runtime/task.h"

namespace bunker {

class PeriodicTask {
 public:
  struct Options {
    std::chrono::nanoseconds first_delay{0};
    std::chrono::nanoseconds interval;  // from the end of a run to the start of the next, > 0
    std::size_t thread = 0;             // of the IoThreads
  };

  // Starts at once; `threads` may start later. `run` reports its failures itself; an exception
  // that leaves it ends the process.
  PeriodicTask(IoThreads& threads, Options options, std::function<Task<void>()> run);
  ~PeriodicTask();  // stop()
  PeriodicTask(const PeriodicTask&) = delete;
  PeriodicTask& operator=(const PeriodicTask&) = delete;

  // No run begins after this, and one under way has ended when it returns. Blocks, so never on
  // an I/O thread; returns at once where the IoThreads do not run. Idempotent.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace bunker
