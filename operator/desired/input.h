// All that the objects of one Registry are made of. Values; immutable once filled in; any thread.
#pragma once

#include <string>
#include <vector>

#include "operator/api/resources.h"

namespace bunker::desired {

// The images of an operator's own release, for Registries that name none.
struct Images {
  std::string registryd = "bunker/registryd";
  std::string certsidecar = "bunker/certsidecar";
  std::string redis = "redis:7.4";
};

// Kinds that not every cluster knows.
struct Kinds {
  bool service_monitor = false;
  bool prometheus_rule = false;
  bool http_route = false;
};

struct Input {
  v1alpha1::Registry registry;
  std::vector<v1alpha1::RegistryUser> users;  // of this Registry, none that is being deleted
  Images images;
  Kinds kinds;
  std::string cluster_domain = "cluster.local";
  // Changes when a Secret does that a pod reads at its start and never again: a new value rolls the
  // pods. Empty: not known.
  std::string credentials_hash;
};

}  // namespace bunker::desired
