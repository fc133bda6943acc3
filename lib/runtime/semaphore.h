// Permits that coroutines on any threads wait for, first come first served: how a scarce thing
// (memory, connections) is shared and how those who produce too fast are held back. Thread-safe.
// Owner: whoever owns the scarce thing; outlives every permit and everybody who waits.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/runtime/task.h"

namespace bunker {

class Semaphore;

// Some permits, given back on destruction.
class Permits {
 public:
  Permits() = default;
  Permits(Permits&& other) noexcept
      : semaphore_(std::exchange(other.semaphore_, nullptr)),
        count_(std::exchange(other.count_, 0)) {}
  Permits& operator=(Permits&& other) noexcept;
  ~Permits() { shrink(0); }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // Gives back all but `count`.
  void shrink(std::uint64_t count) noexcept;

 private:
  friend class Semaphore;
  Permits(Semaphore* semaphore, std::uint64_t count) noexcept
      : semaphore_(semaphore), count_(count) {}
  Semaphore* semaphore_ = nullptr;
  std::uint64_t count_ = 0;
};

class Semaphore {
 public:
  explicit Semaphore(std::uint64_t permits) : total_(permits), free_(permits) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Waits for `count` permits; for all of them where `count` is more than there are, so that what
  // is too big still gets its turn. retry_later: not before `deadline`.
  Task<Result<Permits>> acquire(std::uint64_t count, SteadyTime deadline);

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t available() const;

 private:
  friend class Permits;
  struct Waiter;

  void release(std::uint64_t count) noexcept;
  // Hands out permits from the head of the queue. With the lock held.
  void serve();
  // Ends a wait: what it was given, if anything. The waiter is not in the queue any more.
  std::uint64_t leave(const std::shared_ptr<Waiter>& waiter);

  const std::uint64_t total_;
  mutable std::mutex mutex_;
  std::uint64_t free_;
  std::list<std::shared_ptr<Waiter>> queue_;
};

}  // namespace bunker
