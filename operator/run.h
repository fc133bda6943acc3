// Runs the operator: builds every component and wires them. Blocks until SIGTERM or SIGINT.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "operator/desired/input.h"

namespace bunker::op {

struct RunOptions {
  std::vector<std::string> namespaces;  // that are watched; empty: all
  std::string kubeconfig;               // empty: see kube::find_connection
  std::string metrics_address = ":8080";
  std::string health_address = ":8081";  // "0" for either: no port
  bool leader_elect = true;
  std::string lease_name = "bunker-operator";
  std::string lease_namespace;  // empty: the one that the operator runs in
  std::chrono::milliseconds lease_duration{15'000};
  std::chrono::milliseconds renew_deadline{10'000};
  std::chrono::milliseconds retry_period{2'000};
  std::chrono::milliseconds watch_idle{150'000};  // a watch that is silent for so long is dead
  unsigned workers = 4;                           // for each kind
  desired::Images images;                         // for Registries that name none
  std::string cluster_domain = "cluster.local";
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
};

// Errors are those of the start: no way to the API server, a port that is taken.
[[nodiscard]] Result<void> run(const RunOptions& options);

}  // namespace bunker::op
