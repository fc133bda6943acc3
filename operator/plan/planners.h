// The planners of Registries and RegistryUsers. Pure but for the keys and random values of what is
// made once, which come from a Mint. Any thread. Owner: the composition root.
#pragma once

#include <memory>
#include <string>

#include "operator/desired/input.h"
#include "operator/plan/mint.h"
#include "operator/plan/plan.h"

namespace bunker::op {

struct PlannerOptions {
  desired::Images images;
  std::string cluster_domain = "cluster.local";
  std::shared_ptr<const Mint> mint = make_mint();
};

[[nodiscard]] std::unique_ptr<Planner> make_registry_planner(PlannerOptions options = {});
[[nodiscard]] std::unique_ptr<Planner> make_user_planner(PlannerOptions options = {});

}  // namespace bunker::op
