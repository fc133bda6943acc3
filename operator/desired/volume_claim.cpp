#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {

// Without an owner: it outlives its Registry, and a new one of the same name takes it up again.
Json volume_claim(const Input& input) {
  const auto& filesystem = input.registry.spec.storage.filesystem;
  if (!filesystem || !filesystem->volume) return nullptr;
  Json out = object(input.registry, "v1", "PersistentVolumeClaim", name_of(input.registry, "data"));
  out["metadata"].erase("ownerReferences");
  out["spec"] = {{"accessModes", {"ReadWriteOnce"}},
                 {"resources", {{"requests", {{"storage", filesystem->volume->size}}}}}};
  if (!filesystem->volume->storage_class_name.empty()) {
    out["spec"]["storageClassName"] = filesystem->volume->storage_class_name;
  }
  return out;
}

}  // namespace bunker::desired
