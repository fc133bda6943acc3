#include "registryd/ops/debug_handler.h"

#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/http/status_pages.h"

namespace bunker::ops {
namespace {

using http::Request;
using http::Response;

Response ready(const DebugOptions& options, const Request& request) {
  std::vector<http::CheckResult> results;
  results.push_back({"shutdown", !options.draining(), "the server is shutting down"});
  for (const auto& [name, check] : options.health.checks()) {
    const bool pending = check.state == Health::State::pending;
    results.push_back(
        {name, check.state == Health::State::passing, pending ? "not checked yet" : check.why});
  }
  return http::checks_page("readyz", results, request);
}

Response failing_checks(const Health& health) {
  nlohmann::json body = nlohmann::json::object();
  for (const auto& [name, why] : health.failing()) body[name] = why;
  // Error messages may quote what is not UTF-8.
  return http::status_page(
      body.empty() ? 200 : 503, "application/json; charset=utf-8",
      body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
}

Response handle(const DebugOptions& options, const Request& request) {
  if (auto refused = http::refuse_writes(request)) return *std::move(refused);
  if (options.metrics != nullptr && request.path == options.metrics_path) {
    return http::metrics_page(*options.metrics, request);
  }
  if (request.path == "/healthz") return http::status_page(200, "ok\n");
  if (request.path == "/readyz") return ready(options, request);
  if (request.path == "/debug/health") return failing_checks(options.health);
  return http::status_page(404, "no such page\n");
}

Task<Response> respond(std::shared_ptr<const DebugOptions> options, const Request& request) {
  Response response = handle(*options, request);
  response.headers.add("X-Content-Type-Options", "nosniff");
  co_return response;
}

}  // namespace

http::Handler make_debug_handler(DebugOptions options) {
  auto shared = std::make_shared<const DebugOptions>(std::move(options));
  return [shared](Context&, Request& request) { return respond(shared, request); };
}

}  // namespace bunker::ops
