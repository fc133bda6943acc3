// The Redis that pods of a Registry share as a cache. It keeps nothing on disk: losing it loses
// nothing but time, so one pod is enough.
#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {
namespace {

const v1alpha1::ManagedRedis* managed(const Input& input) {
  const auto& redis = input.registry.spec.cache.redis;
  return redis && redis->managed ? &*redis->managed : nullptr;
}

// Redis needs about half as much again as its data, for buffers and fragmentation.
std::string with_headroom(const std::string& quantity) {
  std::uint64_t mebibytes = std::stoull(quantity);
  if (quantity.ends_with("Gi")) mebibytes *= 1024;
  return std::to_string(mebibytes + mebibytes / 2 + 32) + "Mi";
}

Json resources(const v1alpha1::ManagedRedis& wanted) {
  if (!wanted.resources.is_null()) return wanted.resources;
  const std::string memory = with_headroom(wanted.max_memory);
  return {{"requests", {{"cpu", "20m"}, {"memory", memory}}}, {"limits", {{"memory", memory}}}};
}

Json probe(int period) {
  return {{"tcpSocket", {{"port", "redis"}}}, {"periodSeconds", period}, {"timeoutSeconds", 3}};
}

Json container(const Input& input, const v1alpha1::ManagedRedis& wanted) {
  const v1alpha1::Images& images = input.registry.spec.images;
  const std::string megabytes = wanted.max_memory.substr(0, wanted.max_memory.size() - 1) + "b";
  return {
      {"name", "redis"},
      {"image", images.redis.empty() ? input.images.redis : images.redis},
      {"imagePullPolicy", to_string(images.pull_policy)},
      // The password is in the file, for arguments can be read by everybody on the node.
      {"args",
       {"redis-server", "/etc/redis/redis.conf", "--port", std::to_string(kRedisPort), "--save", "",
        "--appendonly", "no", "--maxmemory", megabytes, "--maxmemory-policy", "allkeys-lru"}},
      {"ports",
       Json::array({{{"name", "redis"}, {"containerPort", kRedisPort}, {"protocol", "TCP"}}})},
      {"livenessProbe", probe(10)},
      {"readinessProbe", probe(5)},
      {"resources", resources(wanted)},
      {"securityContext", container_security()},
      {"volumeMounts",
       Json::array({{{"name", "config"}, {"mountPath", "/etc/redis"}, {"readOnly", true}}})}};
}

}  // namespace

Json redis_deployment(const Input& input) {
  const v1alpha1::ManagedRedis* wanted = managed(input);
  if (!wanted) return nullptr;
  const v1alpha1::Registry& registry = input.registry;
  Json out = object(registry, "apps/v1", "Deployment", name_of(registry, "redis"), "redis");
  Json config = {{"name", "config"},
                 {"secret",
                  {{"secretName", name_of(registry, "redis")},
                   {"defaultMode", 0440},
                   {"items", Json::array({{{"key", "redis.conf"}, {"path", "redis.conf"}}})}}}};
  Json pod = {{"automountServiceAccountToken", false},
              {"enableServiceLinks", false},
              {"securityContext", pod_security()},
              {"containers", Json::array({container(input, *wanted)})},
              {"volumes", Json::array({std::move(config)})}};
  if (!registry.spec.images.pull_secrets.is_null()) {
    pod["imagePullSecrets"] = registry.spec.images.pull_secrets;
  }
  const v1alpha1::Pods& pods = registry.spec.pods;
  if (!pods.node_selector.empty()) pod["nodeSelector"] = pods.node_selector;
  if (!pods.tolerations.is_null()) pod["tolerations"] = pods.tolerations;
  out["spec"] = {
      {"replicas", 1},
      {"revisionHistoryLimit", 3},
      {"selector", {{"matchLabels", selector_labels(registry, "redis")}}},
      {"template",
       {{"metadata", {{"labels", labels(registry, "redis")}}}, {"spec", std::move(pod)}}}};
  return out;
}

Json redis_service(const Input& input) {
  if (!managed(input)) return nullptr;
  const v1alpha1::Registry& registry = input.registry;
  Json out = object(registry, "v1", "Service", name_of(registry, "redis"), "redis");
  out["spec"] = {{"type", "ClusterIP"},
                 {"selector", selector_labels(registry, "redis")},
                 {"ports", Json::array({{{"name", "redis"},
                                         {"protocol", "TCP"},
                                         {"port", kRedisPort},
                                         {"targetPort", "redis"}}})}};
  return out;
}

Json redis_network_policy(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  if (!managed(input) || !registry.spec.network_policy.enabled) return nullptr;
  Json out = object(registry, "networking.k8s.io/v1", "NetworkPolicy", name_of(registry, "redis"),
                    "redis");
  const Json pods = {{"podSelector", {{"matchLabels", selector_labels(registry, "registry")}}}};
  out["spec"] = {
      {"podSelector", {{"matchLabels", selector_labels(registry, "redis")}}},
      {"policyTypes", {"Ingress", "Egress"}},
      {"ingress",
       Json::array({{{"from", Json::array({pods})},
                     {"ports", Json::array({{{"protocol", "TCP"}, {"port", kRedisPort}}})}}})},
      {"egress", Json::array()}};
  return out;
}

}  // namespace bunker::desired
