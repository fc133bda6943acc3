#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {

Json service(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  const v1alpha1::Service& wanted = registry.spec.service;
  Json out = object(registry, "v1", "Service", name_of(registry));
  // Proxies that learn from annotations how to speak to what is behind them.
  Json annotations = Json::object();
  if (registry.spec.ingress && speaks_tls(registry)) {
    annotations["traefik.ingress.kubernetes.io/service.serversscheme"] = "https";
  }
  annotations.update(Json(wanted.annotations));
  if (!annotations.empty()) out["metadata"]["annotations"] = annotations;

  const char* scheme = speaks_tls(registry) ? "https" : "http";
  Json port = {{"name", scheme},
               {"appProtocol", scheme},
               {"protocol", "TCP"},
               {"port", wanted.port},
               {"targetPort", "registry"}};
  if (wanted.node_port) port["nodePort"] = *wanted.node_port;
  Json spec = {{"type", to_string(wanted.type)},
               {"selector", selector_labels(registry, "registry")},
               {"ports", Json::array({std::move(port)})}};
  if (wanted.type == v1alpha1::ServiceType::load_balancer) {
    if (!wanted.load_balancer_class.empty()) spec["loadBalancerClass"] = wanted.load_balancer_class;
    if (!wanted.load_balancer_source_ranges.empty()) {
      spec["loadBalancerSourceRanges"] = wanted.load_balancer_source_ranges;
    }
  }
  if (wanted.type != v1alpha1::ServiceType::cluster_ip) {
    spec["externalTrafficPolicy"] = wanted.local_traffic_only ? "Local" : "Cluster";
  }
  out["spec"] = std::move(spec);
  return out;
}

// For Prometheus: every pod, also one that is not ready, and nothing for clients.
Json metrics_service(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  Json out = object(registry, "v1", "Service", name_of(registry, "metrics"));
  out["metadata"]["labels"]["bunker.dev/metrics"] = "true";
  const auto port = [](const char* name, int number) {
    return Json{{"name", name}, {"protocol", "TCP"}, {"port", number}, {"targetPort", name}};
  };
  Json ports = Json::array({port("debug", kDebugPort)});
  if (manages_certificates(registry)) ports.push_back(port("certsidecar", kCertsidecarPort));
  out["spec"] = {{"type", "ClusterIP"},
                 {"clusterIP", "None"},
                 {"publishNotReadyAddresses", true},
                 {"selector", selector_labels(registry, "registry")},
                 {"ports", std::move(ports)}};
  return out;
}

}  // namespace bunker::desired
