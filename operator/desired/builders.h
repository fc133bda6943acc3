// One function an object; each is in the file of its kind's name. A null is an object that is not
// wanted for that Registry. For desired.cpp alone. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "operator/desired/input.h"

namespace bunker::desired {

using Json = nlohmann::json;

[[nodiscard]] Json service_account(const Input& input);
[[nodiscard]] Json role(const Input& input);
[[nodiscard]] Json role_binding(const Input& input);
[[nodiscard]] Json config_map(const Input& input);
[[nodiscard]] Json access_config_map(const Input& input);
[[nodiscard]] Json volume_claim(const Input& input);
[[nodiscard]] Json service(const Input& input);
[[nodiscard]] Json metrics_service(const Input& input);
[[nodiscard]] Json deployment(const Input& input);
[[nodiscard]] Json redis_service(const Input& input);
[[nodiscard]] Json redis_deployment(const Input& input);
[[nodiscard]] Json redis_network_policy(const Input& input);
[[nodiscard]] Json pod_disruption_budget(const Input& input);
[[nodiscard]] Json horizontal_pod_autoscaler(const Input& input);
[[nodiscard]] Json network_policy(const Input& input);
[[nodiscard]] Json ingress(const Input& input);
[[nodiscard]] Json http_route(const Input& input);
[[nodiscard]] Json service_monitor(const Input& input);
[[nodiscard]] Json prometheus_rule(const Input& input);

// Volumes of registryd's pods, and where registryd and certsidecar see them.
struct PodVolumes {
  Json volumes, registryd_mounts, certsidecar_mounts;
};
[[nodiscard]] PodVolumes pod_volumes(const Input& input);

}  // namespace bunker::desired
