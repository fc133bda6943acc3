// A clock that stands until a test moves it. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>

#include "lib/base/clock.h"

namespace bunker::certsidecar {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return SystemTime(now_.load()); }
  void advance(SystemTime::duration by) { now_ = now_.load() + by; }

 private:
  std::atomic<SystemTime::duration> now_ = std::chrono::system_clock::now().time_since_epoch();
};

}  // namespace bunker::certsidecar
