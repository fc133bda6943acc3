#include "lib/kube/resource.h"

#include <algorithm>
#include <array>

#include "lib/base/encoding.h"

namespace bunker::kube {
namespace {

struct Row {
  std::string_view group;
  std::string_view version;
  std::string_view kind;
  std::string_view plural;
  bool namespaced;
};

constexpr std::array kBuiltin = {
    Row{"", "v1", "ConfigMap", "configmaps", true},
    Row{"", "v1", "Namespace", "namespaces", false},
    Row{"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true},
    Row{"", "v1", "Pod", "pods", true},
    Row{"", "v1", "Secret", "secrets", true},
    Row{"", "v1", "Service", "services", true},
    Row{"", "v1", "ServiceAccount", "serviceaccounts", true},
    Row{"apps", "v1", "Deployment", "deployments", true},
    Row{"apps", "v1", "StatefulSet", "statefulsets", true},
    Row{"autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true},
    Row{"batch", "v1", "CronJob", "cronjobs", true},
    Row{"batch", "v1", "Job", "jobs", true},
    Row{"coordination.k8s.io", "v1", "Lease", "leases", true},
    Row{"events.k8s.io", "v1", "Event", "events", true},
    Row{"networking.k8s.io", "v1", "Ingress", "ingresses", true},
    Row{"networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true},
    Row{"policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true},
    Row{"rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false},
    Row{"rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false},
    Row{"rbac.authorization.k8s.io", "v1", "Role", "roles", true},
    Row{"rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true},
};

}  // namespace

std::optional<Resource> builtin_resource(const Gvk& gvk) {
  const auto* found = std::ranges::find_if(kBuiltin, [&](const Row& row) {
    return row.kind == gvk.kind && row.group == gvk.group && row.version == gvk.version;
  });
  if (found == kBuiltin.end()) return std::nullopt;
  return Resource{gvk, std::string(found->plural), found->namespaced};
}

std::string group_path(std::string_view group, std::string_view version) {
  if (group.empty()) return "/api/" + percent_encode(version);
  return "/apis/" + percent_encode(group) + "/" + percent_encode(version);
}

std::string collection_path(const Resource& resource, std::string_view ns) {
  std::string out = group_path(resource.gvk.group, resource.gvk.version);
  if (resource.namespaced && !ns.empty()) out += "/namespaces/" + percent_encode(ns);
  return out + "/" + percent_encode(resource.plural);
}

std::string object_path(const Resource& resource, const ObjectKey& key,
                        std::string_view subresource) {
  std::string out = collection_path(resource, key.ns) + "/" + percent_encode(key.name);
  if (!subresource.empty()) out += "/" + percent_encode(subresource);
  return out;
}

std::string with_query(std::string path,
                       std::initializer_list<std::pair<std::string_view, std::string>> pairs) {
  char separator = '?';
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;
    path += separator;
    path += percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  return path;
}

}  // namespace bunker::kube
