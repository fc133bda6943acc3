#include "operator/plan/registry_status.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/kube/object_json.h"
#include "operator/desired/build.h"
#include "operator/desired/desired.h"
#include "operator/plan/secrets.h"

namespace bunker::op {
namespace {

using nlohmann::json;
using v1alpha1::Registry;

const kube::Object* find_deployment(const Observed& observed, std::string_view name) {
  for (const kube::Object& each : observed.owned) {
    if (each.gvk().kind == "Deployment" && each.name() == name) return &each;
  }
  return nullptr;
}

std::int64_t number(const kube::Object* object, std::string_view pointer) {
  if (!object) return 0;
  const json& value = kube::at(*object, pointer);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

// How far the pods are.
struct Rollout {
  std::int64_t wanted = 0, all = 0, ready = 0, updated = 0;
  bool finished = false;
  std::string stuck;  // why it does not go on; empty: it does
};

Rollout rollout_of(const kube::Object* deployment) {
  Rollout out;
  if (!deployment) return out;
  out.wanted = number(deployment, "/spec/replicas");
  out.all = number(deployment, "/status/replicas");
  out.ready = number(deployment, "/status/readyReplicas");
  out.updated = number(deployment, "/status/updatedReplicas");
  const bool seen = number(deployment, "/status/observedGeneration") >= deployment->generation();
  out.finished = seen && out.updated == out.wanted && out.all == out.wanted;
  const json& conditions = kube::at(*deployment, "/status/conditions");
  if (!seen || !conditions.is_array()) return out;
  for (const json& each : conditions) {
    const bool no_progress = each.value("type", "") == "Progressing" &&
                             each.value("reason", "") == "ProgressDeadlineExceeded";
    const bool no_pods =
        each.value("type", "") == "ReplicaFailure" && each.value("status", "") == "True";
    if (no_progress || no_pods) out.stuck = each.value("message", "the Deployment is stuck");
  }
  return out;
}

std::string logs_hint(const Registry& registry) {
  return "kubectl --namespace " + registry.ns + " describe pods --selector " +
         desired::pod_selector(registry);
}

std::string of_wanted(std::int64_t some, std::int64_t wanted) {
  return std::to_string(some) + " of " + std::to_string(wanted);
}

Condition progressing(const Rollout& rollout) {
  if (rollout.finished) {
    return {"Progressing", Truth::no, "Complete", "all pods are as the spec says"};
  }
  if (!rollout.stuck.empty()) return {"Progressing", Truth::no, "Stuck", rollout.stuck};
  return {"Progressing", Truth::yes, "RollingOut",
          of_wanted(rollout.updated, rollout.wanted) + " pods are as the spec says"};
}

Condition storage(const Registry& registry, const Sharing& sharing, const Rollout& rollout) {
  const std::string where = desired::storage_location(registry);
  if (!sharing.conflict.empty()) {
    return {"StorageReady", Truth::no, "SharedInConflict", sharing.conflict};
  }
  if (rollout.ready > 0) {
    return {"StorageReady", Truth::yes, "Reachable",
            of_wanted(rollout.ready, rollout.wanted) + " pods reach " + where};
  }
  return {"StorageReady", Truth::unknown, "NotChecked",
          "no pod is ready, and it is pods that try whether they reach " + where + ": see " +
              logs_hint(registry)};
}

// The time at which the CA in the Secret ends; nullopt: there is none to be seen.
std::optional<SystemTime> ca_end(const Observed& observed, const Registry& registry,
                                 const std::string& name, AuthorityEnds& ends) {
  const kube::Object* secret = find_secret(observed.owned, registry.ns, name);
  return secret ? ends.of(*secret) : std::nullopt;
}

Condition certificates(const Registry& registry, const Observed& observed, AuthorityEnds& ends) {
  const v1alpha1::Tls& tls = registry.spec.tls;
  constexpr const char* kType = "CertificatesReady";
  if (tls.mode == v1alpha1::TlsMode::none) {
    return {kType, Truth::yes, "NotWanted", "clients speak plain HTTP to the pods"};
  }
  if (tls.mode == v1alpha1::TlsMode::secret) {
    return {kType, Truth::yes, "Given",
            "whoever keeps Secret " + tls.certificate_secret->name + " renews the certificate"};
  }
  if (tls.ca_secret) {
    return {kType, Truth::yes, "AuthorityGiven",
            "pods sign their certificates with the CA in Secret " + tls.ca_secret->name};
  }
  const std::string name = desired::server_ca_name(registry);
  const std::optional<SystemTime> end = ca_end(observed, registry, name, ends);
  if (!end) {
    const bool there = find_secret(observed.owned, registry.ns, name) != nullptr;
    return {kType, there ? Truth::no : Truth::unknown, there ? "AuthorityUnusable" : "Making",
            there ? "Secret " + name +
                        " holds no CA (ca.crt, ca.key): restore it from a backup, "
                        "or delete it to have a new one made, which every client must be given"
                  : "the CA is being made"};
  }
  if (*end <= observed.now) {
    return {kType, Truth::no, "AuthorityExpired",
            "the CA in Secret " + name + " ran out on " + format_rfc3339(*end) +
                ": delete the Secret to have a new one made, and give its bundle.crt to clients"};
  }
  return {kType, Truth::yes, "AuthorityValid",
          "pods sign their certificates with the CA in Secret " + name + ", valid until " +
              format_rfc3339(*end)};
}

Condition cache(const Registry& registry, const Observed& observed) {
  const auto& redis = registry.spec.cache.redis;
  if (!redis) return {"CacheReady", Truth::yes, "InMemory", "each pod has a cache of its own"};
  if (redis->external) {
    return {"CacheReady", Truth::yes, "External",
            "pods use the Redis at " + redis->external->addresses.front() +
                "; without it they go on, slower"};
  }
  const std::string name = desired::name_of(registry, "redis");
  if (number(find_deployment(observed, name), "/status/readyReplicas") > 0) {
    return {"CacheReady", Truth::yes, "RedisReady", "Deployment " + name + " is ready"};
  }
  return {"CacheReady", Truth::no, "RedisNotReady",
          "Deployment " + name +
              " is not ready: the registry goes on without it, slower. See "
              "kubectl --namespace " +
              registry.ns + " describe deployment " + name};
}

Condition degraded(const Rollout& rollout, const Sharing& sharing, const Observed& observed) {
  if (observed.failure) return {"Degraded", Truth::yes, "ApplyFailed", *observed.failure};
  if (!sharing.conflict.empty()) {
    return {"Degraded", Truth::yes, "SharedInConflict", sharing.conflict};
  }
  if (!rollout.stuck.empty()) return {"Degraded", Truth::yes, "RolloutStuck", rollout.stuck};
  if (rollout.finished && rollout.ready < rollout.wanted) {
    return {"Degraded", Truth::yes, "PodsNotReady",
            of_wanted(rollout.ready, rollout.wanted) + " pods are ready"};
  }
  return {"Degraded", Truth::no, "AsExpected", "nothing is wrong"};
}

Condition readiness(const Registry& registry, const Rollout& rollout, const Sharing& sharing,
                    const Observed& observed) {
  constexpr const char* kType = "Ready";
  if (observed.failure) return {kType, Truth::no, "ApplyFailed", *observed.failure};
  if (!sharing.conflict.empty()) return {kType, Truth::no, "SharedInConflict", sharing.conflict};
  if (rollout.wanted == 0 && rollout.finished) {
    return {kType, Truth::no, "ScaledToZero", "replicas is 0: nobody serves"};
  }
  const std::string serving = of_wanted(rollout.ready, rollout.wanted) + " pods serve";
  if (rollout.ready == 0) {
    if (!rollout.finished && rollout.stuck.empty()) {
      return {kType, Truth::no, "RollingOut", "no pod serves yet"};
    }
    return {kType, Truth::no, "NoPodReady", "no pod serves: see " + logs_hint(registry)};
  }
  const bool all = rollout.finished && rollout.ready == rollout.wanted;
  return {kType, Truth::yes, all ? "AllPodsReady" : "SomePodsReady", serving};
}

json expiries(const Registry& registry, const Observed& observed, AuthorityEnds& ends) {
  json out = json::object();
  if (desired::manages_certificates(registry)) {
    if (const auto end = ca_end(observed, registry, desired::server_ca_name(registry), ends)) {
      out["caNotAfter"] = format_rfc3339(*end);
    }
  }
  if (desired::knows_clients(registry)) {
    if (const auto end = ca_end(observed, registry, desired::client_ca_name(registry), ends)) {
      out["clientCANotAfter"] = format_rfc3339(*end);
    }
  }
  return out;
}

}  // namespace

RegistryReport report(const desired::Input& input, const Sharing& sharing, const Observed& observed,
                      const Plan& plan, AuthorityEnds& ends) {
  const Registry& registry = input.registry;
  const std::string name = desired::name_of(registry);
  Rollout rollout = rollout_of(find_deployment(observed, name));
  const auto is_it = [&](const kube::Object& each) {
    return each.gvk().kind == "Deployment" && each.name() == name;
  };
  if (std::ranges::any_of(plan.apply, is_it)) {
    rollout.finished = false;
    rollout.updated = 0;
  }
  Condition ready = readiness(registry, rollout, sharing, observed);
  const std::vector<Condition> all = {ready,
                                      progressing(rollout),
                                      degraded(rollout, sharing, observed),
                                      storage(registry, sharing, rollout),
                                      certificates(registry, observed, ends),
                                      cache(registry, observed)};
  json status = {
      {"observedGeneration", registry.generation},
      {"conditions",
       to_json(all, kube::at(observed.subject, "/status"), registry.generation, observed.now)},
      {"url", desired::url(input)},
      {"replicas", rollout.all},
      {"readyReplicas", rollout.ready},
      {"updatedReplicas", rollout.updated},
      {"readiness", std::to_string(rollout.ready) + "/" + std::to_string(rollout.wanted)},
      {"selector", desired::pod_selector(registry)},
      {"storage", {{"location", desired::storage_location(registry)}}}};
  json expire = expiries(registry, observed, ends);
  if (!expire.empty()) status["certificates"] = std::move(expire);
  if (!sharing.with.empty()) status["sharedWith"] = sharing.with;
  return {std::move(status), std::move(ready)};
}

RegistryReport report_invalid(const Error& error, const Observed& observed) {
  const std::string why = error.detail.empty() ? error.message : error.detail;
  Condition ready = {"Ready", Truth::no, "InvalidSpec", why};
  const json& before = kube::at(observed.subject, "/status");
  json status = before.is_object() ? before : json::object();
  const std::int64_t generation = observed.subject.generation();
  status["observedGeneration"] = generation;
  status["conditions"] =
      to_json({ready,
               {"Progressing", Truth::no, "InvalidSpec", "what runs is left as it is"},
               {"Degraded", Truth::yes, "InvalidSpec", why}},
              before, generation, observed.now);
  return {std::move(status), std::move(ready)};
}

}  // namespace bunker::op
