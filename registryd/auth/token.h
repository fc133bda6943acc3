// auth.token: bearer tokens of a token service, as distribution checks them
// (https://distribution.github.io/distribution/spec/auth/token/). A token says who it is for, for
// how long, and what it allows; the service that signs them is somebody else's.
//
// The keys are read again when their files change. A token that was right is remembered for a
// minute, for as long as the keys are the same, so that its signature is not checked anew for each
// of the requests of a push.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "registryd/auth/authenticator.h"

namespace bunker::auth {

struct TokenOptions {
  std::string realm;                            // the token service's URL
  std::string service;                          // what tokens must be for
  std::string issuer;                           // who must have issued them
  std::string root_cert_bundle, jwks;           // paths; at least one is set
  std::vector<std::string> signing_algorithms;  // JWA names; empty: all that there are
  bool auto_redirect = false;                   // the realm is made of the request's host and
  std::string auto_redirect_path;               // this path
  std::chrono::milliseconds check_interval{1000};
};

// not_found, invalid: a file that cannot be used, or an algorithm that is not accepted. The other
// arguments outlive the authenticator.
[[nodiscard]] Result<std::unique_ptr<Authenticator>> open_token(TokenOptions options,
                                                                const Clock& clock, Logger& log,
                                                                Metrics& metrics);

}  // namespace bunker::auth
