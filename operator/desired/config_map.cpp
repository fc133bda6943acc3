#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"
#include "operator/desired/desired.h"

namespace bunker::desired {

Json config_map(const Input& input) {
  Json out = object(input.registry, "v1", "ConfigMap", name_of(input.registry, "config"));
  out["data"]["config.yml"] = registryd_config(input);
  if (manages_certificates(input.registry)) {
    out["data"]["certsidecar.yml"] = certsidecar_config(input);
  }
  return out;
}

// Apart from the rest, since a change of it needs no new pods.
Json access_config_map(const Input& input) {
  Json out = object(input.registry, "v1", "ConfigMap", name_of(input.registry, "access"));
  out["data"]["access.yml"] = access_rules(input);
  return out;
}

}  // namespace bunker::desired
