#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"
#include "operator/desired/desired.h"

namespace bunker::desired {

Json service_monitor(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  const v1alpha1::Monitoring& wanted = registry.spec.monitoring;
  if (!wanted.service_monitor || !input.kinds.service_monitor) return nullptr;
  Json out = object(registry, "monitoring.coreos.com/v1", "ServiceMonitor", name_of(registry));
  for (const auto& [key, value] : wanted.labels) out["metadata"]["labels"].emplace(key, value);
  Json endpoints = Json::array();
  for (const char* port : {"debug", "certsidecar"}) {
    if (port == std::string_view("certsidecar") && !manages_certificates(registry)) continue;
    endpoints.push_back({{"port", port}, {"path", "/metrics"}, {"interval", wanted.interval}});
  }
  out["spec"] = {
      {"selector",
       {{"matchLabels", {{kRegistryLabel, registry.name}, {"bunker.dev/metrics", "true"}}}}},
      {"targetLabels", {kRegistryLabel}},
      {"endpoints", std::move(endpoints)}};
  return out;
}

}  // namespace bunker::desired
