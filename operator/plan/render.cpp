#include "operator/plan/render.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"
#include "lib/yaml/yaml.h"
#include "operator/desired/desired.h"

namespace bunker::op {
namespace {

using Json = nlohmann::json;
using desired::Input;
using desired::SecretNeed;

struct Documents {
  std::vector<v1alpha1::Registry> registries;
  std::vector<v1alpha1::RegistryUser> users;
};

Result<Documents> read_documents(std::string_view text, const std::string& default_namespace) {
  BUNKER_TRY_ASSIGN(std::vector<Json> documents, yaml::read(text));
  const v1alpha1::ResourceReader reader;
  Documents out;
  std::set<std::string> seen;
  for (Json& each : documents) {
    if (!each.is_object() || each.value("apiVersion", Json()) != v1alpha1::kApiVersion) continue;
    if (!each["metadata"].is_object()) {
      return fail(Code::invalid, "a resource of bunker.dev has no metadata.name");
    }
    if (!each["metadata"].contains("namespace")) each["metadata"]["namespace"] = default_namespace;
    const kube::Object object(std::move(each));
    const std::string kind = object.gvk().kind;
    if (object.name().empty()) return fail(Code::invalid, "a " + kind + " has no metadata.name");
    if (!seen.insert(kind + " " + kube::to_string(object.key())).second) {
      return fail(Code::invalid, kind + " " + kube::to_string(object.key()) + " is there twice");
    }
    if (kind == "RegistryUser") {
      BUNKER_TRY_ASSIGN(v1alpha1::RegistryUser user, reader.user(object));
      out.users.push_back(std::move(user));
    } else {
      BUNKER_TRY_ASSIGN(v1alpha1::Registry registry, reader.registry(object));
      out.registries.push_back(std::move(registry));
    }
  }
  return out;
}

bool belongs_to(const v1alpha1::RegistryUser& user, const v1alpha1::Registry& registry) {
  return user.ns == registry.ns && user.spec.registry.name == registry.name;
}

std::string note(const std::string& ns, const std::string& secret, const std::string& what) {
  return "# Secret " + ns + "/" + secret + ": " + what + "; made by the operator\n";
}

std::string notes(const Input& input) {
  using What = SecretNeed::What;
  std::string out;
  for (const SecretNeed& need : desired::secrets_of(input.registry)) {
    const char* what = need.what == What::http        ? "what replicas sign upload URLs with"
                       : need.what == What::redis     ? "the password of Redis"
                       : need.what == What::server_ca ? "the CA of the servers' certificates"
                                                      : "the CA of clients' certificates";
    out += note(input.registry.ns, need.name, what);
  }
  for (const v1alpha1::RegistryUser& user : input.users) {
    out += note(user.ns, user.name, "the certificate of " + user.common_name());
    out += note(user.ns, user.name + "-docker", "the same as files of docker's certs.d");
  }
  return out;
}

}  // namespace

Result<std::string> render(std::string_view text, const RenderOptions& options) {
  BUNKER_TRY_ASSIGN(const Documents documents, read_documents(text, options.default_namespace));
  if (documents.registries.empty()) {
    return fail(Code::invalid, "there is no Registry of " + std::string(v1alpha1::kApiVersion));
  }
  for (const v1alpha1::RegistryUser& user : documents.users) {
    if (std::ranges::none_of(documents.registries,
                             [&](const auto& registry) { return belongs_to(user, registry); })) {
      return fail(Code::invalid, "the Registry " + user.ns + "/" + user.spec.registry.name +
                                     " of RegistryUser " + user.name + " is not there");
    }
  }
  std::string out;
  for (const v1alpha1::Registry& registry : documents.registries) {
    Input input{.registry = registry,
                .users = {},
                .images = options.images,
                .kinds = options.kinds,
                .cluster_domain = options.cluster_domain,
                .credentials_hash = {}};
    std::ranges::copy_if(documents.users, std::back_inserter(input.users),
                         [&](const auto& user) { return belongs_to(user, registry); });
    out += notes(input);
    for (const kube::Object& object : desired::objects(input)) {
      out += "---\n" + yaml::write(kube::json_of(object));
    }
  }
  return out;
}

}  // namespace bunker::op
