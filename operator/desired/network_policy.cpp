#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {
namespace {

Json port(int number) {
  return {{"protocol", "TCP"}, {"port", number}};
}

bool has_entries(const Json& list) {
  return list.is_array() && !list.empty();
}

}  // namespace

Json network_policy(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  const v1alpha1::NetworkPolicy& wanted = registry.spec.network_policy;
  if (!wanted.enabled) return nullptr;
  Json clients = {{"ports", Json::array({port(kRegistryPort)})}};
  if (has_entries(wanted.clients)) clients["from"] = wanted.clients;
  Json metrics_ports = Json::array({port(kDebugPort)});
  if (manages_certificates(registry)) metrics_ports.push_back(port(kCertsidecarPort));
  Json every_pod = Json::array({{{"namespaceSelector", Json::object()}}});
  Json scrapers = {{"ports", std::move(metrics_ports)},
                   {"from", has_entries(wanted.scrapers) ? wanted.scrapers : every_pod}};
  Json out = object(registry, "networking.k8s.io/v1", "NetworkPolicy", name_of(registry));
  out["spec"] = {{"podSelector", {{"matchLabels", selector_labels(registry, "registry")}}},
                 {"policyTypes", {"Ingress"}},
                 {"ingress", Json::array({std::move(clients), std::move(scrapers)})}};
  return out;
}

}  // namespace bunker::desired
