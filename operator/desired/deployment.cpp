#include <nlohmann/json.hpp>

#include "operator/api/duration.h"
#include "operator/desired/build.h"
#include "operator/desired/builders.h"
#include "operator/desired/desired.h"
#include "operator/desired/paths.h"

namespace bunker::desired {
namespace {

using v1alpha1::Registry;

// How long a pod that ends goes on serving, until every proxy has heard that it ends.
constexpr std::int64_t kPreStopSeconds = 10;
constexpr std::int64_t kMarginSeconds = 10;

Json http_probe(std::string_view path, std::string_view port, int period, int failures) {
  return {{"httpGet", {{"path", path}, {"port", port}, {"scheme", "HTTP"}}},
          {"periodSeconds", period},
          {"timeoutSeconds", 5},
          {"failureThreshold", failures}};
}

Json from_secret(std::string_view variable, std::string_view secret, std::string_view key) {
  return {{"name", variable}, {"valueFrom", {{"secretKeyRef", {{"name", secret}, {"key", key}}}}}};
}

Json from_field(std::string_view variable, std::string_view path) {
  return {{"name", variable},
          {"valueFrom", {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", path}}}}}};
}

Json environment(const Registry& registry) {
  Json out = Json::array();
  out.push_back(from_secret("REGISTRY_HTTP_SECRET", name_of(registry, "http"), "secret"));
  const auto& s3 = registry.spec.storage.s3;
  if (s3 && s3->credentials_secret) {
    const v1alpha1::S3Credentials& credentials = *s3->credentials_secret;
    out.push_back(from_secret("AWS_ACCESS_KEY_ID", credentials.name, credentials.access_key_field));
    out.push_back(
        from_secret("AWS_SECRET_ACCESS_KEY", credentials.name, credentials.secret_key_field));
  }
  if (s3 && s3->trusted_ca) {
    out.push_back({{"name", "SSL_CERT_FILE"}, {"value", std::string(kS3CaFolder) + "/ca.crt"}});
  }
  const auto& redis = registry.spec.cache.redis;
  if (redis && redis->managed) {
    out.push_back(from_secret("REGISTRY_REDIS_PASSWORD", name_of(registry, "redis"), "password"));
  } else if (redis && redis->external && redis->external->password_secret) {
    const v1alpha1::KeyReference& password = *redis->external->password_secret;
    out.push_back(from_secret("REDIS_PASSWORD", password.name, password.key));
    // registryd reads variables as YAML, so a password that somebody chose needs quotes.
    out.push_back({{"name", "REGISTRY_REDIS_PASSWORD"}, {"value", "'$(REDIS_PASSWORD)'"}});
  }
  for (const Json& each : registry.spec.pods.env) out.push_back(each);
  return out;
}

std::string image_or(const std::string& given, const std::string& fallback) {
  return given.empty() ? fallback : given;
}

Json registryd_container(const Input& input, Json mounts) {
  const Registry& registry = input.registry;
  return {
      {"name", "registryd"},
      {"image", image_or(registry.spec.images.registryd, input.images.registryd)},
      {"imagePullPolicy", to_string(registry.spec.images.pull_policy)},
      {"args", {"serve", std::string(kConfigFolder) + "/config.yml"}},
      {"env", environment(registry)},
      {"ports",
       Json::array({{{"name", "registry"}, {"containerPort", kRegistryPort}, {"protocol", "TCP"}},
                    {{"name", "debug"}, {"containerPort", kDebugPort}, {"protocol", "TCP"}}})},
      {"startupProbe", http_probe("/healthz", "debug", 1, 60)},
      {"livenessProbe", http_probe("/healthz", "debug", 10, 3)},
      {"readinessProbe", http_probe("/readyz", "debug", 5, 2)},
      {"lifecycle", {{"preStop", {{"sleep", {{"seconds", kPreStopSeconds}}}}}}},
      {"resources", registry.spec.resources},
      {"securityContext", container_security()},
      // What registryd says about a configuration that it refuses ends up in the status.
      {"terminationMessagePolicy", "FallbackToLogsOnError"},
      {"volumeMounts", std::move(mounts)}};
}

// A sidecar in Kubernetes' own sense: it has made the certificates before registryd starts, and
// ends after it.
Json certsidecar_container(const Input& input, Json mounts) {
  const Registry& registry = input.registry;
  Json env = Json::array();
  env.push_back(from_field("POD_NAME", "metadata.name"));
  env.push_back(from_field("POD_NAMESPACE", "metadata.namespace"));
  return {
      {"name", "certsidecar"},
      {"image", image_or(registry.spec.images.certsidecar, input.images.certsidecar)},
      {"imagePullPolicy", to_string(registry.spec.images.pull_policy)},
      {"args", {"run", "--config", std::string(kConfigFolder) + "/certsidecar.yml"}},
      {"env", std::move(env)},
      {"ports",
       Json::array(
           {{{"name", "certsidecar"}, {"containerPort", kCertsidecarPort}, {"protocol", "TCP"}}})},
      {"restartPolicy", "Always"},
      {"startupProbe", http_probe("/readyz", "certsidecar", 1, 120)},
      {"livenessProbe", http_probe("/healthz", "certsidecar", 10, 3)},
      {"resources", registry.spec.pods.certsidecar_resources},
      {"securityContext", container_security()},
      {"terminationMessagePolicy", "FallbackToLogsOnError"},
      {"volumeMounts", std::move(mounts)}};
}

Json spread(const Registry& registry) {
  Json out = Json::array();
  const Json selector = {{"matchLabels", selector_labels(registry, "registry")}};
  const Json& given = registry.spec.pods.topology_spread_constraints;
  if (!given.is_array() || given.empty()) {
    for (const char* key : {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}) {
      out.push_back({{"maxSkew", 1},
                     {"topologyKey", key},
                     {"whenUnsatisfiable", "ScheduleAnyway"},
                     {"labelSelector", selector},
                     {"matchLabelKeys", {"pod-template-hash"}},
                     {"nodeTaintsPolicy", "Honor"}});
    }
    return out;
  }
  for (Json each : given) {
    if (!each.contains("labelSelector")) each["labelSelector"] = selector;
    out.push_back(std::move(each));
  }
  return out;
}

void place(const v1alpha1::Pods& pods, Json& spec) {
  if (!pods.node_selector.empty()) spec["nodeSelector"] = pods.node_selector;
  if (!pods.tolerations.is_null()) spec["tolerations"] = pods.tolerations;
  if (!pods.affinity.is_null()) spec["affinity"] = pods.affinity;
  if (!pods.priority_class_name.empty()) spec["priorityClassName"] = pods.priority_class_name;
  if (!pods.runtime_class_name.empty()) spec["runtimeClassName"] = pods.runtime_class_name;
}

Json pod_spec(const Input& input) {
  const Registry& registry = input.registry;
  PodVolumes volumes = pod_volumes(input);
  const auto drain =
      std::chrono::ceil<std::chrono::seconds>(v1alpha1::duration_of(registry.spec.drain_timeout));
  const std::string& account = registry.spec.service_account.name;
  Json out = {{"serviceAccountName", account.empty() ? name_of(registry) : account},
              {"automountServiceAccountToken", false},
              {"enableServiceLinks", false},
              {"terminationGracePeriodSeconds", kPreStopSeconds + drain.count() + kMarginSeconds},
              {"securityContext", pod_security()},
              {"topologySpreadConstraints", spread(registry)},
              {"containers",
               Json::array({registryd_container(input, std::move(volumes.registryd_mounts))})},
              {"volumes", std::move(volumes.volumes)}};
  if (manages_certificates(registry)) {
    out["initContainers"] =
        Json::array({certsidecar_container(input, std::move(volumes.certsidecar_mounts))});
  }
  if (!registry.spec.images.pull_secrets.is_null()) {
    out["imagePullSecrets"] = registry.spec.images.pull_secrets;
  }
  place(registry.spec.pods, out);
  return out;
}

// What a pod reads at its start and never again; a change of it rolls the pods.
std::string start_hash(const Input& input) {
  std::string text = registryd_config(input) + input.credentials_hash;
  if (manages_certificates(input.registry)) text += certsidecar_config(input);
  return digest_of(text, 16);
}

Json pod_template(const Input& input) {
  const Registry& registry = input.registry;
  Json pod_labels = registry.spec.pods.labels;
  if (!pod_labels.is_object()) pod_labels = Json::object();
  pod_labels.update(labels(registry, "registry"));
  Json annotations = registry.spec.pods.annotations;
  if (!annotations.is_object()) annotations = Json::object();
  annotations["bunker.dev/config-hash"] = start_hash(input);
  annotations["kubectl.kubernetes.io/default-container"] = "registryd";
  return {
      {"metadata", {{"labels", std::move(pod_labels)}, {"annotations", std::move(annotations)}}},
      {"spec", pod_spec(input)}};
}

Json strategy(const Registry& registry) {
  // The volume is in the hands of one pod at a time: the new one waits for the old one to go.
  if (registry.spec.storage.filesystem) return {{"type", "Recreate"}};
  const v1alpha1::Pods& pods = registry.spec.pods;
  return {
      {"type", "RollingUpdate"},
      {"rollingUpdate", {{"maxSurge", pods.max_surge}, {"maxUnavailable", pods.max_unavailable}}}};
}

}  // namespace

Json deployment(const Input& input) {
  const Registry& registry = input.registry;
  Json out = object(registry, "apps/v1", "Deployment", name_of(registry));
  // The claim has no owner, so it is not among the objects that are watched: this says that it was
  // applied as it should be.
  const Json claim = volume_claim(input);
  if (!claim.is_null()) {
    out["metadata"]["annotations"][kClaimAnnotation] = digest_of(claim.dump(), 16);
  }
  out["spec"] = {{"selector", {{"matchLabels", selector_labels(registry, "registry")}}},
                 {"strategy", strategy(registry)},
                 {"revisionHistoryLimit", 3},
                 {"progressDeadlineSeconds", 600},
                 {"template", pod_template(input)}};
  // With a HorizontalPodAutoscaler the number is its own.
  if (!registry.spec.autoscaling) out["spec"]["replicas"] = registry.spec.replicas;
  return out;
}

}  // namespace bunker::desired
