// Whether and when a request that failed is sent again. Pure.
#pragma once

#include <chrono>
#include <optional>

namespace bunker::kube {

struct RetryPolicy {
  unsigned attempts = 5;                       // requests in all
  std::chrono::milliseconds base{50};          // doubled at each attempt
  std::chrono::milliseconds longest{2'000};    // of our own pauses
  std::chrono::seconds longest_asked_for{10};  // of a server's Retry-After
};

struct Attempt {
  int status = 0;          // 0: no answer
  unsigned number = 1;     // of the request that failed, from 1
  bool repeatable = true;  // whether doing it twice does no harm
  std::optional<std::chrono::seconds> retry_after;
  double random = 0;  // in [0, 1): clients that failed together do not come back together
};

// The pause before the next attempt; nullopt: none is due. What the server says it did not do (429,
// or 503 with Retry-After) is repeated whatever it is; what it may have done, only if repeatable.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_pause(const RetryPolicy& policy,
                                                                   const Attempt& attempt);

}  // namespace bunker::kube
