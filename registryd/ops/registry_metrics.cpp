#include "registryd/ops/registry_metrics.h"

namespace bunker::ops {

void register_registry_metrics(Metrics& metrics, const registry::Registry& registry) {
  constexpr std::string_view kName = "bunker_manifest_cache_requests_total";
  constexpr std::string_view kHelp = "Manifests looked for in memory, by whether they were there.";
  Counter& hits = metrics.counter(kName, kHelp, {{"result", "hit"}});
  Counter& misses = metrics.counter(kName, kHelp, {{"result", "miss"}});
  Gauge& bytes = metrics.gauge("bunker_manifest_cache_bytes", "Memory that manifests take up.");
  metrics.on_scrape(
      [&hits, &misses, &bytes, &registry, last = registry::Registry::CacheStats()]() mutable {
        const auto now = registry.manifest_cache();
        hits.add(static_cast<double>(now.hits - last.hits));
        misses.add(static_cast<double>(now.misses - last.misses));
        bytes.set(static_cast<double>(now.bytes));
        last = now;
      });
}

}  // namespace bunker::ops
