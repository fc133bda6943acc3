#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {

// With one pod there is nothing to spread a drain over: a budget would only block it.
Json pod_disruption_budget(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  const v1alpha1::DisruptionBudget& wanted = registry.spec.pod_disruption_budget;
  if (!wanted.enabled || least_replicas(registry) < 2) return nullptr;
  Json out = object(registry, "policy/v1", "PodDisruptionBudget", name_of(registry));
  out["spec"] = {{"selector", {{"matchLabels", selector_labels(registry, "registry")}}},
                 // A pod that does not serve protects nobody.
                 {"unhealthyPodEvictionPolicy", "AlwaysAllow"}};
  if (!wanted.min_available.is_null()) {
    out["spec"]["minAvailable"] = wanted.min_available;
  } else {
    out["spec"]["maxUnavailable"] =
        wanted.max_unavailable.is_null() ? Json(1) : wanted.max_unavailable;
  }
  return out;
}

}  // namespace bunker::desired
