// Several Registries on one bucket and prefix: allowed where they agree on what is deleted and
// when; they sign upload URLs with the same secret then, so that an upload may go on at any of
// them. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operator/api/resources.h"
#include "operator/plan/plan.h"

namespace bunker::op {

struct Sharing {
  std::vector<std::string> with;  // "namespace/name", sorted
  // Why it cannot be, for a person; empty: it can.
  std::string conflict;
  // The secret that all sign with: that of the oldest; nullopt: this one is the oldest, or the
  // oldest has none yet.
  std::optional<std::string> secret;
  bool is_oldest = true;
};

[[nodiscard]] Sharing sharing_of(const v1alpha1::Registry& registry, const Observed& observed,
                                 const v1alpha1::ResourceReader& reader);

}  // namespace bunker::op
