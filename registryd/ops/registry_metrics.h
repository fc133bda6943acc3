// What the registry's rules keep in memory, as metrics. Not for requests and calls to the store:
// see registryd/api and instrumented_store.h.
#pragma once

#include "lib/observability/metrics.h"
#include "registryd/core/registry.h"

namespace bunker::ops {

// Adds `bunker_manifest_cache_requests_total{result}` and `bunker_manifest_cache_bytes`. `registry`
// outlives the last exposition.
void register_registry_metrics(Metrics& metrics, const registry::Registry& registry);

}  // namespace bunker::ops
