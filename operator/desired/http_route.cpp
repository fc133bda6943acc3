#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {

Json http_route(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  if (!registry.spec.gateway || !input.kinds.http_route) return nullptr;
  Json out = object(registry, "gateway.networking.k8s.io/v1", "HTTPRoute", name_of(registry));
  if (!registry.spec.gateway->annotations.empty()) {
    out["metadata"]["annotations"] = registry.spec.gateway->annotations;
  }
  const Json backend = {{"group", ""},
                        {"kind", "Service"},
                        {"name", name_of(registry)},
                        {"port", registry.spec.service.port},
                        {"weight", 1}};
  const Json everything = {{"path", {{"type", "PathPrefix"}, {"value", "/"}}}};
  // An upload's body may take as long as it takes.
  out["spec"] = {{"parentRefs", registry.spec.gateway->parent_refs},
                 {"hostnames", {host_name(registry)}},
                 {"rules", Json::array({{{"matches", Json::array({everything})},
                                         {"timeouts", {{"request", "0s"}}},
                                         {"backendRefs", Json::array({backend})}}})}};
  return out;
}

}  // namespace bunker::desired
