// auth.htpasswd: HTTP Basic credentials checked against a file of bcrypt hashes. What its users may
// do is for the rules (Guard); without any, everything.
//
// bcrypt runs on a few threads of the pool, so that nobody who guesses passwords can starve those
// that serve: checks of the same credentials are joined into one, their number is bounded (over it:
// retry_later / TOOMANYREQUESTS), and what was right is remembered for an hour, for as long as the
// file has the same hash. The file is read again when it changes, within a second.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/auth/authenticator.h"

namespace bunker::auth {

struct HtpasswdOptions {
  std::string path;
  std::string realm;
  std::size_t parallel = 2;                        // checks that run at once, >= 1
  std::size_t queue = 64;                          // checks that run or wait, >= 1
  std::chrono::milliseconds check_interval{1000};  // how often the file is looked at, at most
};

// not_found, invalid: the file cannot be used; the message says why and how to make one.
// The other arguments outlive the authenticator. It is destroyed when no check is under way:
// BlockingPool::wait_idle().
[[nodiscard]] Result<std::unique_ptr<Authenticator>> open_htpasswd(HtpasswdOptions options,
                                                                   BlockingPool& pool, Logger& log,
                                                                   Metrics& metrics);

}  // namespace bunker::auth
