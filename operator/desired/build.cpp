#include "operator/desired/build.h"

#include <array>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/base/sha256.h"
#include "operator/desired/desired.h"

namespace bunker::desired {

using v1alpha1::Registry;

std::string name_of(const Registry& registry, std::string_view suffix) {
  return suffix.empty() ? registry.name : name_of(std::string_view(registry.name), suffix);
}

std::string name_of(std::string_view registry, std::string_view suffix) {
  return std::string(registry) + "-" + std::string(suffix);
}

std::string server_ca_name(const Registry& registry) {
  const auto& given = registry.spec.tls.ca_secret;
  return given ? given->name : name_of(registry, "ca");
}

std::string client_ca_name(const Registry& registry) {
  const auto& given = registry.spec.tls.client_auth.ca_secret;
  return given ? given->name : name_of(registry, "client-ca");
}

Json selector_labels(const Registry& registry, std::string_view component) {
  return {{"app.kubernetes.io/component", component}, {kRegistryLabel, registry.name}};
}

Json labels(const Registry& registry, std::string_view component) {
  Json out = selector_labels(registry, component);
  out["app.kubernetes.io/name"] = "bunker";
  out["app.kubernetes.io/instance"] = registry.name;
  out["app.kubernetes.io/part-of"] = "bunker";
  out["app.kubernetes.io/managed-by"] = "bunker-operator";
  return out;
}

Json object(const Registry& registry, std::string_view api_version, std::string_view kind,
            std::string_view name, std::string_view component) {
  Json out = {{"apiVersion", api_version},
              {"kind", kind},
              {"metadata",
               {{"name", name},
                {"namespace", registry.ns},
                {"labels", labels(registry, component)},
                {"ownerReferences", Json::array({{{"apiVersion", v1alpha1::kApiVersion},
                                                  {"kind", "Registry"},
                                                  {"name", registry.name},
                                                  {"uid", registry.uid},
                                                  {"controller", true},
                                                  {"blockOwnerDeletion", true}}})}}}};
  if (registry.ns.empty()) out["metadata"].erase("namespace");
  // Without a cluster there is no uid, and an owner without one is none.
  if (registry.uid.empty()) out["metadata"].erase("ownerReferences");
  return out;
}

Json pod_security() {
  return {{"runAsNonRoot", true},
          {"runAsUser", kUser},
          {"runAsGroup", kUser},
          {"fsGroup", kUser},
          {"fsGroupChangePolicy", "OnRootMismatch"},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

Json container_security() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", {"ALL"}}}}};
}

bool manages_certificates(const Registry& registry) {
  return registry.spec.tls.mode == v1alpha1::TlsMode::managed;
}

bool speaks_tls(const Registry& registry) {
  return registry.spec.tls.mode != v1alpha1::TlsMode::none;
}

bool knows_clients(const Registry& registry) {
  return registry.spec.tls.client_auth.mode != v1alpha1::ClientAuthMode::none;
}

std::int64_t least_replicas(const Registry& registry) {
  return registry.spec.autoscaling ? registry.spec.autoscaling->min_replicas
                                   : registry.spec.replicas;
}

std::string digest_of(std::string_view text, std::size_t digits) {
  return hex_encode(sha256(text)).substr(0, digits);
}

std::string host_name(const Registry& registry) {
  return registry.spec.host.substr(0, registry.spec.host.find(':'));
}

}  // namespace bunker::desired
