#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"
#include "operator/desired/desired.h"
#include "operator/plan/plan.h"

namespace bunker::op {
namespace {

std::string text_at(const kube::Object& object, std::string_view pointer) {
  const nlohmann::json& value = kube::at(object, pointer);
  return value.is_string() ? value.get<std::string>() : std::string();
}

}  // namespace

// Looks at the few fields alone: it is asked for each change, of resources that may not be valid.
std::vector<std::string> relations(const kube::Object& subject) {
  const std::string ns(subject.ns());
  if (subject.gvk().kind == "RegistryUser") {
    const std::string registry = text_at(subject, "/spec/registry/name");
    if (registry.empty()) return {};
    return {"registry/" + ns + "/" + registry};
  }
  std::vector<std::string> out = {"registry/" + ns + "/" + std::string(subject.name())};
  const std::string bucket = text_at(subject, "/spec/storage/s3/bucket");
  const std::string claim = text_at(subject, "/spec/storage/filesystem/claim/name");
  if (!bucket.empty()) {
    out.push_back("bucket/" + text_at(subject, "/spec/storage/s3/endpoint") + "/" + bucket + "/" +
                  text_at(subject, "/spec/storage/s3/prefix"));
  } else if (!claim.empty()) {
    out.push_back("claim/" + ns + "/" + claim);
  }
  return out;
}

static_assert(kGivenLabel == desired::kRegistryLabel);

std::vector<std::string> given_secrets(const kube::Object& registry) {
  std::vector<std::string> out;
  for (const char* pointer :
       {"/spec/storage/s3/credentialsSecret/name", "/spec/cache/redis/external/passwordSecret/name",
        "/spec/tls/caSecret/name", "/spec/tls/clientAuth/caSecret/name"}) {
    std::string name = text_at(registry, pointer);
    if (!name.empty()) out.push_back(std::move(name));
  }
  return out;
}

std::vector<kube::Gvk> owned_kinds() {
  std::vector<kube::Gvk> out = desired::kinds({});
  out.push_back({"", "v1", "Secret"});
  return out;
}

std::vector<kube::Gvk> optional_kinds() {
  std::vector<kube::Gvk> out =
      desired::kinds({.service_monitor = true, .prometheus_rule = true, .http_route = true});
  for (const kube::Gvk& each : desired::kinds({})) std::erase(out, each);
  return out;
}

}  // namespace bunker::op
