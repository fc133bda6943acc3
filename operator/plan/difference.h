// Whether an object in the cluster still is what was applied. Pure; any thread.
#pragma once

#include "lib/kube/object.h"

namespace bunker::op {

// On each applied object: the sum of what was applied, so that a field that is no longer wanted is
// noticed, too.
inline constexpr std::string_view kAppliedAnnotation = "bunker.dev/applied";

// `object` with that annotation.
[[nodiscard]] kube::Object sealed(const kube::Object& object);

// Whether `observed` lacks something of `wanted` (which is sealed). What the API server adds or
// writes in another way is no difference: defaults, other managers' fields and list entries with
// names of their own, "1" for a quantity of "1000m", nothing for an empty list.
[[nodiscard]] bool differs(const kube::Object& wanted, const kube::Object& observed);

}  // namespace bunker::op
