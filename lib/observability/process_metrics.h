// The conventional process_* metrics, read from /proc. Private to lib/observability. Thread-safe.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

namespace bunker {

// What cannot be read is left out.
[[nodiscard]] std::vector<prometheus::MetricFamily> collect_process_metrics();

}  // namespace bunker
