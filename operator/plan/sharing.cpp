#include "operator/plan/sharing.h"

#include <algorithm>
#include <tuple>

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"
#include "operator/desired/build.h"
#include "operator/desired/desired.h"
#include "operator/plan/secrets.h"

namespace bunker::op {
namespace {

using v1alpha1::Registry;

// By creation; the name decides where two were made in the same second.
auto age_of(const kube::Object& object) {
  const nlohmann::json& made = kube::at(object, "/metadata/creationTimestamp");
  return std::tuple(made.is_string() ? made.get<std::string>() : std::string("9"),
                    std::string(object.ns()), std::string(object.name()));
}

// What both must say alike, for one to be safe from the other.
std::string disagreement(const Registry& mine, const Registry& other) {
  if (mine.spec.collection != other.spec.collection) return "spec.collection";
  if (mine.spec.storage.upload_purging != other.spec.storage.upload_purging) {
    return "spec.storage.uploadPurging";
  }
  if (mine.spec.storage.filesystem) return "one replica for each filesystem";
  return {};
}

}  // namespace

Sharing sharing_of(const Registry& registry, const Observed& observed,
                   const v1alpha1::ResourceReader& reader) {
  Sharing out;
  const std::string identity = desired::storage_identity(registry);
  if (identity.empty()) return out;
  const kube::Object* oldest = &observed.subject;
  for (const kube::Object& each : observed.related) {
    if (each.gvk().kind != "Registry" || each.deleting() || each.uid() == observed.subject.uid()) {
      continue;
    }
    const Result<Registry> other = reader.registry(each);
    if (!other || desired::storage_identity(*other) != identity) continue;
    out.with.push_back(kube::to_string(each.key()));
    if (age_of(each) < age_of(*oldest)) oldest = &each;
    const std::string difference = disagreement(registry, *other);
    if (!difference.empty() && out.conflict.empty()) {
      out.conflict = desired::storage_location(registry) + " is also that of Registry " +
                     kube::to_string(each.key()) + ", which differs in " + difference +
                     ": make both say the same, or give one another prefix";
    }
  }
  std::ranges::sort(out.with);
  if (oldest == &observed.subject) return out;
  out.is_oldest = false;
  const kube::Object* secret =
      find_secret(observed.secrets, oldest->ns(), std::string(oldest->name()) + "-http");
  if (secret) {
    const Files files = files_of(*secret);
    if (const auto found = files.find("secret"); found != files.end()) out.secret = found->second;
  }
  return out;
}

}  // namespace bunker::op
