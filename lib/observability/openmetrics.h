// The OpenMetrics 1.0 text format, which prometheus-cpp cannot write. Private to lib/observability.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

namespace bunker {

// Counters, gauges and histograms as one exposition, "# EOF" included.
[[nodiscard]] std::string write_openmetrics(const std::vector<prometheus::MetricFamily>& families);

// Whether an Accept header (RFC 9110 §12.5.1) asks for OpenMetrics 1.0 rather than for Prometheus
// text 0.0.4. Whoever does not name it, gets text.
[[nodiscard]] bool prefers_openmetrics(std::string_view accept);

}  // namespace bunker
