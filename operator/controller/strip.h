// What caches need not keep of an object. Pure; any thread.
#pragma once

#include "lib/kube/object.h"

namespace bunker::op {

// `object` without what no plan reads: what kubectl noted, and a status but for those kinds whose
// status tells how the registry is.
[[nodiscard]] kube::Object strip(kube::Object object);

}  // namespace bunker::op
