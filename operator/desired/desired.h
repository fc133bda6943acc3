// From a Registry to the objects that should exist for it, as server-side apply wants them: each
// with exactly the fields that the operator owns. Pure: equal input gives equal objects in equal
// order; any thread. Not for Secrets that hold something random: they are made once, by
// operator/plan, from secrets_of().
#pragma once

#include <string>
#include <vector>

#include "lib/kube/object.h"
#include "operator/desired/input.h"

namespace bunker::desired {

// In the order to apply them: what pods need comes before them. Total for every spec that
// ResourceReader lets pass.
[[nodiscard]] std::vector<kube::Object> objects(const Input& input);

// Every kind that objects() can give, to watch and to look for what is left over. Kinds that the
// cluster lacks are left out.
[[nodiscard]] std::vector<kube::Gvk> kinds(const Kinds& available);

// A Secret that must be there and be the same for good.
struct SecretNeed {
  enum class What { http, redis, server_ca, client_ca };
  What what = What::http;
  std::string name;
};
[[nodiscard]] std::vector<SecretNeed> secrets_of(const v1alpha1::Registry& registry);

// The Secrets that pods of the Registry read at their start alone, by name.
[[nodiscard]] std::vector<std::string> start_secrets(const v1alpha1::Registry& registry);

// config.yml of registryd, certsidecar's configuration and the file of access rules, as YAML.
[[nodiscard]] std::string registryd_config(const Input& input);
[[nodiscard]] std::string certsidecar_config(const Input& input);
[[nodiscard]] std::string access_rules(const Input& input);

// Where clients find it: "https://registry.example.com".
[[nodiscard]] std::string url(const Input& input);
// "s3://bucket/prefix" or "volume://claim".
[[nodiscard]] std::string storage_location(const v1alpha1::Registry& registry);
// Two Registries with the same one share their images; empty: shares with none.
[[nodiscard]] std::string storage_identity(const v1alpha1::Registry& registry);

// The label that every object of a Registry carries, with its name as the value.
inline constexpr std::string_view kRegistryLabel = "bunker.dev/registry";
// Selects the pods of registryd: "a=b,c=d".
[[nodiscard]] std::string pod_selector(const v1alpha1::Registry& registry);

}  // namespace bunker::desired
