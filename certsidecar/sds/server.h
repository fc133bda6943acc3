// Envoy's secret discovery service on a Unix socket. gRPC stops in server.cpp: it has threads of
// its own, and none of ours wait in it. Owner: the composition root.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

#include "certsidecar/run/delivery.h"
#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::certsidecar {

struct SdsOptions {
  std::string socket;  // its path; a socket that is left there is replaced
  mode_t mode = 0660;
  // Called on gRPC's threads when a subscriber answered, so that settled() may be another. Quick.
  std::function<void()> answered;
};

// `log` and `metrics` outlive it; its destruction ends all streams. Errors: the socket cannot be
// made.
[[nodiscard]] Result<std::unique_ptr<Delivery>> start_sds(SdsOptions options, Logger& log,
                                                          Metrics& metrics);

}  // namespace bunker::certsidecar
