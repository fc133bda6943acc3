// The CEL rules of proto/bunker/v1alpha1, by hand: a test holds that each message of the schema is
// given here for what breaks it. Rules about changes (oldSelf) are the API server's alone.
#include <regex>

#include "operator/api/resources.h"

namespace bunker::v1alpha1 {
namespace {

using Problems = std::vector<Problem>;

void demand(bool fulfilled, std::string path, std::string message, Problems& out) {
  if (!fulfilled) out.push_back({std::move(path), std::move(message)});
}

void check_storage(const Storage& storage, Problems& out) {
  demand(storage.s3.has_value() != storage.filesystem.has_value(), "spec.storage",
         "name exactly one store: s3 or filesystem", out);
  if (storage.s3) {
    demand(!storage.s3->region.empty() || !storage.s3->endpoint.empty(), "spec.storage.s3",
           "name the region, or the endpoint of a service that is not AWS", out);
    demand(storage.s3->kms_key_id.empty() || storage.s3->encrypt, "spec.storage.s3",
           "kmsKeyID has no effect without encrypt: true", out);
  }
  if (storage.filesystem) {
    demand(storage.filesystem->claim.has_value() != storage.filesystem->volume.has_value(),
           "spec.storage.filesystem", "name either a claim that is there or the volume to make",
           out);
  }
}

void check_trust(const RegistrySpec& spec, Problems& out) {
  demand((spec.tls.mode == TlsMode::secret) == spec.tls.certificate_secret.has_value(), "spec.tls",
         "certificateSecret goes with mode: Secret, and only with it", out);
  demand(spec.tls.mode != TlsMode::none || spec.tls.client_auth.mode == ClientAuthMode::none,
         "spec",
         "client certificates need TLS: set tls.mode to Managed or Secret, or tls.clientAuth.mode "
         "to None",
         out);
  if (spec.auth) {
    demand(spec.auth->htpasswd.has_value() != spec.auth->token.has_value(), "spec.auth",
           "name exactly one: htpasswd or token", out);
  }
}

void check_ways_in(const RegistrySpec& spec, Problems& out) {
  demand(!spec.ingress || !spec.host.empty(), "spec",
         "an ingress needs host, the name that clients use", out);
  demand(!spec.gateway || !spec.host.empty(), "spec",
         "a gateway route needs host, the name that clients use", out);
  demand(!spec.service.node_port || spec.service.type != ServiceType::cluster_ip, "spec.service",
         "nodePort goes with type NodePort or LoadBalancer", out);
}

void check_scale(const RegistrySpec& spec, Problems& out) {
  demand(!spec.storage.filesystem || (spec.replicas <= 1 && !spec.autoscaling), "spec",
         "a filesystem holds one replica: set replicas to 1 and remove autoscaling, or use "
         "storage.s3",
         out);
  if (spec.autoscaling) {
    demand(spec.autoscaling->min_replicas <= spec.autoscaling->max_replicas, "spec.autoscaling",
           "minReplicas is above maxReplicas", out);
  }
  const DisruptionBudget& budget = spec.pod_disruption_budget;
  demand(budget.min_available.is_null() || budget.max_unavailable.is_null(),
         "spec.podDisruptionBudget", "name minAvailable or maxUnavailable, not both", out);
}

bool is_service_name(const std::string& name) {
  static const std::regex kName("^[a-z]([-a-z0-9]*[a-z0-9])?$");
  return name.size() <= 50 && std::regex_match(name, kName);
}

}  // namespace

std::vector<Problem> broken_rules(const Registry& registry) {
  Problems out;
  const RegistrySpec& spec = registry.spec;
  demand(is_service_name(registry.name), "metadata.name",
         "the name becomes that of a Service: at most 50 of a-z, 0-9 and -, beginning with a "
         "letter",
         out);
  check_storage(spec.storage, out);
  check_trust(spec, out);
  check_ways_in(spec, out);
  check_scale(spec, out);
  if (spec.cache.redis) {
    demand(spec.cache.redis->managed.has_value() != spec.cache.redis->external.has_value(),
           "spec.cache.redis",
           "name exactly one: managed, for a Redis that the operator runs, or external", out);
  }
  return out;
}

std::vector<Problem> broken_rules(const RegistryUser& user) {
  Problems out;
  demand(user.name.size() <= 63, "metadata.name",
         "the name goes into a label: at most 63 characters", out);
  return out;
}

}  // namespace bunker::v1alpha1
