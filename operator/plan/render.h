// `bunker-operator render`: the objects of the Registries in a file, without a cluster. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "operator/desired/input.h"

namespace bunker::op {

struct RenderOptions {
  desired::Images images;
  // What the cluster is taken to know: everything.
  desired::Kinds kinds{.service_monitor = true, .prometheus_rule = true, .http_route = true};
  std::string cluster_domain = "cluster.local";
  std::string default_namespace = "default";  // for resources that name none
};

// `text`: YAML documents, of which those of other groups are left out. Returns YAML documents in
// the order of applying them, with a comment for each Secret that the operator would make.
// invalid: not YAML, a resource that the API server would refuse, a RegistryUser without its
// Registry, two resources of one name, or no Registry at all.
[[nodiscard]] Result<std::string> render(std::string_view text, const RenderOptions& options = {});

}  // namespace bunker::op
