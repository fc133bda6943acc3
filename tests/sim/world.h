// Virtual time for coroutines: tasks run on one thread, and when all of them wait, time jumps to
// the next instant that somebody waits for. So a run of minutes takes milliseconds, and a seed
// repeats it.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <vector>

#include <asio/steady_timer.hpp>

#include "lib/base/clock.h"
#include "lib/runtime/task.h"
#include "registryd/core/timer.h"

namespace bunker::sim {

class World final : public registry::Timer {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] SteadyTime now() const override { return start_ + elapsed_; }
  Task<void> sleep(std::chrono::nanoseconds duration) const override;
  // The wall clock; it runs with the world's time.
  [[nodiscard]] const Clock& clock() const { return clock_; }

  // A number in [0, below).
  [[nodiscard]] std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  [[nodiscard]] bool chance(double probability) {
    return static_cast<double>(random_() >> 11u) * 0x1p-53 < probability;
  }

  // Starts `task`; run() runs until all are done. An exception that leaves a task leaves run().
  void start(Task<void> task);
  void run();

 private:
  class WorldClock final : public Clock {
   public:
    explicit WorldClock(const World& world) : world_(world) {}
    [[nodiscard]] SystemTime now() const override {
      return SystemTime(std::chrono::hours(400'000)) + world_.elapsed_;
    }

   private:
    const World& world_;
  };

  mutable asio::io_context context_{1};
  std::mt19937_64 random_;
  // Deadlines that real code compares with the real clock lie in the future.
  const SteadyTime start_ = std::chrono::steady_clock::now() + std::chrono::hours(24);
  std::chrono::nanoseconds elapsed_{0};
  mutable std::multimap<std::chrono::nanoseconds, asio::steady_timer*> sleepers_;
  std::size_t running_ = 0;
  std::exception_ptr failure_;
  WorldClock clock_{*this};
};

}  // namespace bunker::sim
