#include "lib/kube/retry.h"

#include <algorithm>

namespace bunker::kube {

std::optional<std::chrono::milliseconds> retry_pause(const RetryPolicy& policy,
                                                     const Attempt& attempt) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  if (attempt.number >= policy.attempts) return std::nullopt;
  const bool turned_away =
      attempt.status == 429 || (attempt.status == 503 && attempt.retry_after.has_value());
  const bool broken = attempt.status == 0 || attempt.status >= 500;
  if (!turned_away && !(broken && attempt.repeatable)) return std::nullopt;
  if (attempt.retry_after) {
    const milliseconds asked = std::min(*attempt.retry_after, policy.longest_asked_for);
    return duration_cast<milliseconds>(asked * (1 + attempt.random / 2));
  }
  const unsigned doublings = std::min(attempt.number - 1, 16u);
  const milliseconds pause = std::min(policy.base * (1u << doublings), policy.longest);
  return duration_cast<milliseconds>(pause * (0.5 + attempt.random));
}

}  // namespace bunker::kube
