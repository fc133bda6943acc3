#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {
namespace {

Json utilization(std::string_view resource, std::int64_t percent) {
  return {{"type", "Resource"},
          {"resource",
           {{"name", resource},
            {"target", {{"type", "Utilization"}, {"averageUtilization", percent}}}}}};
}

}  // namespace

Json horizontal_pod_autoscaler(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  if (!registry.spec.autoscaling) return nullptr;
  const v1alpha1::Autoscaling& wanted = *registry.spec.autoscaling;
  Json metrics = Json::array({utilization("cpu", wanted.target_cpu_utilization_percentage)});
  if (wanted.target_memory_utilization_percentage) {
    metrics.push_back(utilization("memory", *wanted.target_memory_utilization_percentage));
  }
  for (const Json& each : wanted.metrics) metrics.push_back(each);
  Json out = object(registry, "autoscaling/v2", "HorizontalPodAutoscaler", name_of(registry));
  out["spec"] = {{"scaleTargetRef",
                  {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", name_of(registry)}}},
                 {"minReplicas", wanted.min_replicas},
                 {"maxReplicas", wanted.max_replicas},
                 {"metrics", std::move(metrics)}};
  if (!wanted.behavior.is_null()) out["spec"]["behavior"] = wanted.behavior;
  return out;
}

}  // namespace bunker::desired
