// What the health checks found last. Written by HealthMonitor, read by whoever serves requests.
// Thread-safe; healthy() takes no lock.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "lib/base/result.h"

namespace bunker::ops {

class Health {
 public:
  enum class State { pending, passing, failing };  // pending: not checked yet

  struct Check {
    State state = State::pending;
    std::string why;         // of the failure; empty when passing
    unsigned threshold = 1;  // failures in a row that make it failing
    unsigned failures = 0;   // in a row
  };

  // Makes a check known before its first result. A `threshold` of 0 counts as 1.
  void add(std::string name, unsigned threshold);

  // Takes in a result of the check `name`; true when its state is another one now.
  bool report(const std::string& name, const Result<void>& result);

  // Whether no check is failing.
  [[nodiscard]] bool healthy() const noexcept { return failing_.load() == 0; }

  // Why it is not, check by check.
  [[nodiscard]] std::map<std::string, std::string> failing() const;

  [[nodiscard]] std::map<std::string, Check> checks() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Check> checks_;
  std::atomic<unsigned> failing_ = 0;
};

}  // namespace bunker::ops
