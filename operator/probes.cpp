#include "operator/probes.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "lib/http/status_pages.h"

namespace bunker::op {
namespace {

using http::Request;
using http::Response;
using http::status_page;

// `name` is "healthz" or "readyz".
Response check_all(std::string_view name, const std::vector<Probe>& probes,
                   const Request& request) {
  std::vector<http::CheckResult> results;
  results.reserve(probes.size());
  for (const Probe& probe : probes) results.push_back({probe.name, probe.passes(), {}});
  return http::checks_page(name, results, request);
}

Response check(std::string_view path, std::string_view name, const std::vector<Probe>& probes,
               const Request& request) {
  if (path.empty() || path == "/") return check_all(name, probes, request);
  const auto at = std::ranges::find(probes, path.substr(1), &Probe::name);
  if (at == probes.end()) return status_page(404, "no such check\n");
  return at->passes() ? status_page(200, "ok\n") : status_page(503, "failed\n");
}

Response handle(const ProbeOptions& options, const Request& request) {
  if (auto refused = http::refuse_writes(request)) return *std::move(refused);
  if (options.metrics != nullptr && request.path == "/metrics") {
    return http::metrics_page(*options.metrics, request);
  }
  if (options.pages) {
    for (const auto& [name, probes] :
         {std::pair("healthz", &options.live), std::pair("readyz", &options.ready)}) {
      const std::string prefix = std::string("/") + name;
      const std::string_view path = request.path;
      if (path == prefix || path.starts_with(prefix + "/")) {
        return check(path.substr(prefix.size()), name, *probes, request);
      }
    }
  }
  return status_page(404, "no such page\n");
}

Task<Response> respond(std::shared_ptr<const ProbeOptions> options, const Request& request) {
  co_return handle(*options, request);
}

}  // namespace

http::Handler make_probe_handler(ProbeOptions options) {
  auto shared = std::make_shared<const ProbeOptions>(std::move(options));
  return [shared](Context&, Request& request) { return respond(shared, request); };
}

}  // namespace bunker::op
