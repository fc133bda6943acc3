// Durations and waiting behind an interface that simulations advance; the wall clock is in
// lib/base/clock.h. Thread-safe. Owner: the composition root, or a test.
#pragma once

#include <chrono>

#include "lib/base/clock.h"
#include "lib/runtime/io_threads.h"
#include "lib/runtime/task.h"

namespace bunker::registry {

class Timer {
 public:
  virtual ~Timer() = default;
  [[nodiscard]] virtual SteadyTime now() const = 0;
  // Suspends the calling coroutine.
  virtual Task<void> sleep(std::chrono::nanoseconds duration) const = 0;
};

class SystemTimer final : public Timer {
 public:
  [[nodiscard]] SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  Task<void> sleep(std::chrono::nanoseconds duration) const override { return sleep_for(duration); }
};

}  // namespace bunker::registry
