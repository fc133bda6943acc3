// What `debug.addr` serves: /metrics, /healthz (the process answers) and /readyz (every certificate
// is there and not expired). No secrets.
#pragma once

#include <functional>

#include "lib/http/message.h"
#include "lib/observability/metrics.h"

namespace bunker::certsidecar {

// `metrics` outlives the handler; `ready` is called on I/O threads.
[[nodiscard]] http::Handler make_debug_handler(const Metrics& metrics, std::function<bool()> ready);

}  // namespace bunker::certsidecar
