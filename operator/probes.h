// What the operator's ports serve: metrics, and whether it lives and is ready, as Kubernetes' own
// components show it. No secrets, no objects.
//
//   GET /metrics             the metrics
//   GET /healthz, /readyz    200, or 503 with the checks that fail; ?verbose lists them all,
//                            ?exclude=NAME leaves one out
//   GET /readyz/NAME         one check
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/http/message.h"
#include "lib/observability/metrics.h"

namespace bunker::op {

struct Probe {
  std::string name;
  std::function<bool()> passes;  // any thread, must be quick
};

struct ProbeOptions {
  Metrics* metrics = nullptr;  // null: no metrics page; outlives the handler
  std::vector<Probe> live;
  std::vector<Probe> ready;
  bool pages = true;  // false: metrics alone
};

[[nodiscard]] http::Handler make_probe_handler(ProbeOptions options);

}  // namespace bunker::op
