#include "operator/desired/desired.h"

#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {

using v1alpha1::Registry;

std::vector<kube::Object> objects(const Input& input) {
  constexpr Json (*kBuilders[])(const Input&) = {
      service_account,
      role,
      role_binding,
      config_map,
      access_config_map,
      volume_claim,
      service,
      metrics_service,
      network_policy,
      redis_service,
      redis_network_policy,
      redis_deployment,
      deployment,
      pod_disruption_budget,
      horizontal_pod_autoscaler,
      ingress,
      http_route,
      service_monitor,
      prometheus_rule,
  };
  std::vector<kube::Object> out;
  for (const auto build : kBuilders) {
    Json made = build(input);
    if (!made.is_null()) out.emplace_back(std::move(made));
  }
  return out;
}

std::vector<kube::Gvk> kinds(const Kinds& available) {
  std::vector<kube::Gvk> out = {
      {"", "v1", "ServiceAccount"},
      {"rbac.authorization.k8s.io", "v1", "Role"},
      {"rbac.authorization.k8s.io", "v1", "RoleBinding"},
      {"", "v1", "ConfigMap"},
      {"", "v1", "PersistentVolumeClaim"},
      {"", "v1", "Service"},
      {"apps", "v1", "Deployment"},
      {"policy", "v1", "PodDisruptionBudget"},
      {"autoscaling", "v2", "HorizontalPodAutoscaler"},
      {"networking.k8s.io", "v1", "NetworkPolicy"},
      {"networking.k8s.io", "v1", "Ingress"},
  };
  if (available.http_route) out.push_back({"gateway.networking.k8s.io", "v1", "HTTPRoute"});
  if (available.service_monitor) out.push_back({"monitoring.coreos.com", "v1", "ServiceMonitor"});
  if (available.prometheus_rule) out.push_back({"monitoring.coreos.com", "v1", "PrometheusRule"});
  return out;
}

std::vector<SecretNeed> secrets_of(const Registry& registry) {
  using What = SecretNeed::What;
  std::vector<SecretNeed> out = {{What::http, name_of(registry, "http")}};
  const auto& redis = registry.spec.cache.redis;
  if (redis && redis->managed) out.push_back({What::redis, name_of(registry, "redis")});
  if (manages_certificates(registry) && !registry.spec.tls.ca_secret) {
    out.push_back({What::server_ca, server_ca_name(registry)});
  }
  if (knows_clients(registry) && !registry.spec.tls.client_auth.ca_secret) {
    out.push_back({What::client_ca, client_ca_name(registry)});
  }
  return out;
}

std::vector<std::string> start_secrets(const Registry& registry) {
  std::vector<std::string> out = {name_of(registry, "http")};
  const auto& s3 = registry.spec.storage.s3;
  if (s3 && s3->credentials_secret) out.push_back(s3->credentials_secret->name);
  const auto& redis = registry.spec.cache.redis;
  if (redis && redis->managed) out.push_back(name_of(registry, "redis"));
  if (redis && redis->external && redis->external->password_secret) {
    out.push_back(redis->external->password_secret->name);
  }
  return out;
}

std::string url(const Input& input) {
  const Registry& registry = input.registry;
  const std::string scheme = speaks_tls(registry) || registry.spec.ingress || registry.spec.gateway
                                 ? "https://"
                                 : "http://";
  if (!registry.spec.host.empty()) return scheme + registry.spec.host;
  return scheme + registry.name + "." + (registry.ns.empty() ? "default" : registry.ns) +
         ".svc:" + std::to_string(registry.spec.service.port);
}

std::string storage_location(const Registry& registry) {
  const v1alpha1::Storage& storage = registry.spec.storage;
  if (storage.s3) {
    return "s3://" + storage.s3->bucket +
           (storage.s3->prefix.empty() ? "" : "/" + storage.s3->prefix);
  }
  const bool given = storage.filesystem && storage.filesystem->claim;
  return "volume://" + (given ? storage.filesystem->claim->name : name_of(registry, "data"));
}

std::string storage_identity(const Registry& registry) {
  const auto& s3 = registry.spec.storage.s3;
  if (!s3) {
    const auto& filesystem = registry.spec.storage.filesystem;
    if (!filesystem || !filesystem->claim) return {};
    return registry.ns + "/" + storage_location(registry);
  }
  // Bucket names of AWS are unique over its regions; elsewhere the endpoint tells them apart.
  return s3->endpoint + " " + storage_location(registry);
}

std::string pod_selector(const Registry& registry) {
  return "app.kubernetes.io/component=registry," + std::string(kRegistryLabel) + "=" +
         registry.name;
}

}  // namespace bunker::desired
