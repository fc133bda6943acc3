// When to try again after failures in a row: capped exponential, with jitter so that replicas do
// not come back together. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include "lib/base/clock.h"

namespace bunker::certsidecar {

class Backoff {
 public:
  // The time of the next attempt: 1 s, 2 s, … up to five minutes later, three quarters of it at
  // least.
  SystemTime failed(SystemTime now) {
    const auto full =
        std::min<std::chrono::milliseconds>(kFirst * (1LL << std::min(failures_, 20)), kLongest);
    ++failures_;
    std::uniform_real_distribution<double> part(0.75, 1.0);
    retry_at_ = now + std::chrono::duration_cast<SystemTime::duration>(full * part(random_));
    return retry_at_;
  }
  void succeeded() {
    failures_ = 0;
    retry_at_ = SystemTime::min();
  }
  // Whether an attempt may be made. A clock that was set back does not hold it up for long.
  [[nodiscard]] bool ready(SystemTime now) const {
    return failures_ == 0 || now >= retry_at_ || now + kLongest < retry_at_;
  }
  [[nodiscard]] bool failing() const { return failures_ > 0; }
  [[nodiscard]] SystemTime retry_at() const { return retry_at_; }

 private:
  static constexpr std::chrono::milliseconds kFirst{1'000};
  static constexpr std::chrono::milliseconds kLongest{300'000};
  int failures_ = 0;
  SystemTime retry_at_ = SystemTime::min();
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace bunker::certsidecar
