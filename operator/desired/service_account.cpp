#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {

Json service_account(const Input& input) {
  const v1alpha1::ServiceAccount& wanted = input.registry.spec.service_account;
  if (!wanted.name.empty()) return nullptr;
  Json out = object(input.registry, "v1", "ServiceAccount", name_of(input.registry));
  out["automountServiceAccountToken"] = false;  // certsidecar alone gets one
  if (!wanted.annotations.empty()) out["metadata"]["annotations"] = wanted.annotations;
  return out;
}

}  // namespace bunker::desired
