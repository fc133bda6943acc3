#include "operator/api/resources.h"

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"

namespace bunker::v1alpha1 {
namespace {

using nlohmann::json;

// Two spaces a line, so that it reads well below the message.
std::string lines(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& each : problems) {
    out += (out.empty() ? "" : "\n") + each.path + ": " + each.message;
  }
  return out;
}

Result<void> refuse(const kube::Object& object, const std::vector<Problem>& problems) {
  if (problems.empty()) return {};
  return fail(Code::invalid,
              object.gvk().kind + " " + kube::to_string(object.key()) + " is not valid",
              lines(problems));
}

Result<json> checked(const kube::Object& object, std::string_view kind, const Schema& schema) {
  const kube::Gvk gvk = object.gvk();
  if (gvk.api_version() != kApiVersion || gvk.kind != kind) {
    return fail(Code::invalid, "not a " + std::string(kind) + " of " + std::string(kApiVersion) +
                                   " but a " + gvk.kind + " of " + gvk.api_version());
  }
  json value = kube::json_of(object);
  value.erase("status");
  schema.apply_defaults(value);
  BUNKER_TRY(refuse(object, schema.check(value)));
  return value;
}

template <class Resource>
Resource head(const kube::Object& object) {
  Resource out;
  out.name = object.name();
  out.ns = object.ns();
  out.uid = object.uid();
  out.generation = object.generation();
  return out;
}

}  // namespace

const std::string& RegistryUser::common_name() const {
  return spec.common_name.empty() ? name : spec.common_name;
}

ResourceReader::ResourceReader() : registry_(registry_schema()), user_(registryuser_schema()) {}

Result<Registry> ResourceReader::registry(const kube::Object& object) const {
  BUNKER_TRY_ASSIGN(const json value, checked(object, "Registry", registry_));
  Registry out = head<Registry>(object);
  read(value.at("spec"), out.spec);
  BUNKER_TRY(refuse(object, broken_rules(out)));
  return out;
}

Result<RegistryUser> ResourceReader::user(const kube::Object& object) const {
  BUNKER_TRY_ASSIGN(const json value, checked(object, "RegistryUser", user_));
  RegistryUser out = head<RegistryUser>(object);
  read(value.at("spec"), out.spec);
  BUNKER_TRY(refuse(object, broken_rules(out)));
  return out;
}

kube::Object ResourceReader::with_defaults(const kube::Object& object) const {
  json value = kube::json_of(object);
  const std::string kind = object.gvk().kind;
  if (kind == "Registry") registry_.apply_defaults(value);
  if (kind == "RegistryUser") user_.apply_defaults(value);
  return kube::Object(std::move(value));
}

}  // namespace bunker::v1alpha1
