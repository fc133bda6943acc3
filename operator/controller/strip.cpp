#include "operator/controller/strip.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"

namespace bunker::op {
namespace {

constexpr std::array<std::string_view, 5> kWithStatus = {
    "Registry", "RegistryUser", "Deployment", "HorizontalPodAutoscaler", "PersistentVolumeClaim"};

}  // namespace

kube::Object strip(kube::Object object) {
  const bool status = std::ranges::count(kWithStatus, object.gvk().kind) > 0;
  nlohmann::json value = kube::take_json(std::move(object));
  if (!status) value.erase("status");
  if (const auto metadata = value.find("metadata"); metadata != value.end()) {
    if (const auto notes = metadata->find("annotations"); notes != metadata->end()) {
      notes->erase("kubectl.kubernetes.io/last-applied-configuration");
    }
  }
  return kube::Object(std::move(value));
}

}  // namespace bunker::op
