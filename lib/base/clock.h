// Time behind an interface that tests advance. Wall-clock time only; durations and deadlines use
// std::chrono::steady_clock directly.
#pragma once

#include <chrono>

namespace bunker {

using SystemTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SystemTime now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return std::chrono::system_clock::now(); }
};

}  // namespace bunker
