#include "registryd/ops/health.h"

#include <algorithm>
#include <utility>

namespace bunker::ops {

void Health::add(std::string name, unsigned threshold) {
  const std::lock_guard lock(mutex_);
  checks_[std::move(name)].threshold = std::max(threshold, 1u);
}

bool Health::report(const std::string& name, const Result<void>& result) {
  const std::lock_guard lock(mutex_);
  Check& check = checks_[name];
  const State before = check.state;
  if (result) {
    check.state = State::passing;
    check.failures = 0;
    check.why.clear();
  } else if (++check.failures >= check.threshold) {
    check.state = State::failing;
    check.why = to_string(result.error());
  } else if (before == State::pending) {
    check.state = State::passing;  // it gets as many chances as later ones
  }
  if (check.state == before) return false;
  if (check.state == State::failing) ++failing_;
  if (before == State::failing) --failing_;
  return true;
}

std::map<std::string, std::string> Health::failing() const {
  std::map<std::string, std::string> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, check] : checks_) {
    if (check.state == State::failing) out.emplace(name, check.why);
  }
  return out;
}

std::map<std::string, Health::Check> Health::checks() const {
  const std::lock_guard lock(mutex_);
  return checks_;
}

}  // namespace bunker::ops
