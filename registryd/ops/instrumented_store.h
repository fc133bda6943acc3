// Measures an ObjectStore: distribution's registry_storage_action_seconds, and bytes, errors and
// open uploads under bunker_ names. A decorator of its own, so that no driver knows of metrics.
#pragma once

#include <memory>

#include "lib/observability/metrics.h"
#include "registryd/storage/object_store.h"

namespace bunker::ops {

// A store that passes every call on to `inner`. Both arguments outlive it. Thread-safe as `inner`.
[[nodiscard]] std::unique_ptr<storage::ObjectStore> instrument(storage::ObjectStore& inner,
                                                               Metrics& metrics);

}  // namespace bunker::ops
