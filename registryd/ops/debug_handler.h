// What http.debug.addr serves: metrics and health, for machines on the inside. No secrets, no
// registry content.
//
//   GET /metrics       (or http.debug.prometheus.path) the metrics, where they are enabled
//   GET /healthz       200 while the process answers
//   GET /readyz        200 while it should get traffic: no check failing or pending, not draining
//                      ?verbose lists the checks, ?exclude=NAME leaves one out (repeatable)
//   GET /debug/health  the failing checks as a JSON object, 503 where there are any
#pragma once

#include <functional>
#include <string>

#include "lib/http/message.h"
#include "lib/observability/metrics.h"
#include "registryd/ops/health.h"

namespace bunker::ops {

struct DebugOptions {
  const Health& health;
  const Metrics* metrics = nullptr;  // null: no metrics page
  std::string metrics_path = "/metrics";
  // Whether the server is shutting down. Any thread.
  std::function<bool()> draining = [] { return false; };
};

// What `options` refers to outlives the handler.
[[nodiscard]] http::Handler make_debug_handler(DebugOptions options);

}  // namespace bunker::ops
