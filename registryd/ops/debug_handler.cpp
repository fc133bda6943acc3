#include "registryd/ops/debug_handler.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace bunker::ops {
namespace {

using http::Request;
using http::Response;

constexpr std::string_view kText = "text/plain; charset=utf-8";

Response answer(int status, std::string_view content_type, std::string body) {
  Response response(status);
  response.headers.add("Content-Type", content_type);
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.body = Body(std::move(body));
  return response;
}

// One line a check, as Kubernetes' own components write it.
std::string line(std::string_view name, bool passes, std::string_view why) {
  std::string out(passes ? "[+]" : "[-]");
  out += name;
  out += passes ? " ok" : " failed: ";
  if (!passes) out += why;
  out += '\n';
  return out;
}

Response ready(const DebugOptions& options, const Request& request) {
  const std::vector<std::string> excluded = request.query_values("exclude");
  const auto counts = [&](std::string_view name) {
    return std::ranges::find(excluded, name) == excluded.end();
  };
  bool all = true;
  std::string lines;
  const auto add = [&](std::string_view name, bool passes, std::string_view why) {
    if (!counts(name)) {
      lines += "[+]" + std::string(name) + " excluded: ok\n";
      return;
    }
    all = all && passes;
    lines += line(name, passes, why);
  };
  add("shutdown", !options.draining(), "the server is shutting down");
  for (const auto& [name, check] : options.health.checks()) {
    const bool pending = check.state == Health::State::pending;
    add(name, check.state == Health::State::passing, pending ? "not checked yet" : check.why);
  }
  if (!all) return answer(503, kText, lines + "readyz check failed\n");
  const bool verbose = request.query_value("verbose").has_value();
  return answer(200, kText, verbose ? lines + "readyz check passed\n" : "ok\n");
}

Response failing_checks(const Health& health) {
  nlohmann::json body = nlohmann::json::object();
  for (const auto& [name, why] : health.failing()) body[name] = why;
  // Error messages may quote what is not UTF-8.
  return answer(body.empty() ? 200 : 503, "application/json; charset=utf-8",
                body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
}

Response handle(const DebugOptions& options, const Request& request) {
  if (request.method != http::Method::get && request.method != http::Method::head) {
    Response response = answer(405, kText, "only GET and HEAD\n");
    response.headers.add("Allow", "GET, HEAD");
    return response;
  }
  if (options.metrics != nullptr && request.path == options.metrics_path) {
    auto exposition = options.metrics->expose(request.headers.joined("Accept").value_or(""));
    return answer(200, exposition.content_type, std::move(exposition.body));
  }
  if (request.path == "/healthz") return answer(200, kText, "ok\n");
  if (request.path == "/readyz") return ready(options, request);
  if (request.path == "/debug/health") return failing_checks(options.health);
  return answer(404, kText, "no such page\n");
}

Task<Response> respond(std::shared_ptr<const DebugOptions> options, const Request& request) {
  co_return handle(*options, request);
}

}  // namespace

http::Handler make_debug_handler(DebugOptions options) {
  auto shared = std::make_shared<const DebugOptions>(std::move(options));
  return [shared](Context&, Request& request) { return respond(shared, request); };
}

}  // namespace bunker::ops
