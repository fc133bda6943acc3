// When to try a call again. Pure decisions: time and chance are passed in.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>

#include "lib/base/clock.h"
#include "registryd/storage/s3/outcome.h"

namespace bunker::storage::s3 {

struct RetryPolicy {
  unsigned attempts = 6;  // the first one included
  std::chrono::nanoseconds base = std::chrono::milliseconds(25);
  std::chrono::nanoseconds cap = std::chrono::seconds(5);
};

// The retries of one call: decorrelated jitter, so that callers which failed together do not come
// back together. One call's, one thread.
class Retries {
 public:
  explicit Retries(const RetryPolicy& policy) : policy_(policy) {}

  // How long to wait before the next attempt, after one that ended in `outcome` (retryable) at
  // `now`; nullopt: give up, since no attempt is left or the wait would end at `deadline` or later.
  // `chance`: from [0, 1).
  [[nodiscard]] std::optional<std::chrono::nanoseconds> next(Outcome outcome, SteadyTime now,
                                                             SteadyTime deadline, double chance);

  [[nodiscard]] unsigned attempts() const noexcept { return attempts_; }

 private:
  RetryPolicy policy_;
  unsigned attempts_ = 1;
  std::chrono::nanoseconds previous_{0};
};

// What all calls together may spend on retries: when a store is down, retries that cannot succeed
// must not multiply the load. Thread-safe.
class RetryBudget {
 public:
  // Takes the price of one retry; false: too much was spent of late, give up.
  [[nodiscard]] bool take() noexcept;
  // A call succeeded.
  void refill() noexcept;

 private:
  static constexpr int kCapacity = 2000;
  static constexpr int kPrice = 5;
  static constexpr int kRefill = 2;
  std::atomic<int> tokens_ = kCapacity;
};

// Holds all calls to the rate that the store puts up with. Without effect until the store says
// SlowDown; then cut, and raised again along a cubic curve. Thread-safe.
class AdaptiveRate {
 public:
  // How long the caller must wait before it sends; zero mostly.
  [[nodiscard]] std::chrono::nanoseconds reserve(SteadyTime now);
  // A call was answered at `now`.
  void answered(bool throttled, SteadyTime now);

 private:
  static constexpr double kCut = 0.7;
  static constexpr double kScale = 0.4;                     // of the curve, 1/s⁴
  static constexpr double kLowest = 10;                     // calls a second
  static constexpr std::chrono::seconds kForgetAfter{120};  // without another SlowDown

  void measure(SteadyTime now);

  std::mutex mutex_;
  bool limiting_ = false;
  double rate_ = 0;     // allowed, calls a second
  double highest_ = 0;  // when the store last complained
  SteadyTime cut_at_;
  SteadyTime next_slot_;  // when the next call may go out
  // What was sent: calls in the current half second, and the smoothed rate.
  SteadyTime window_start_;
  unsigned window_calls_ = 0;
  double measured_ = 0;
};

}  // namespace bunker::storage::s3
