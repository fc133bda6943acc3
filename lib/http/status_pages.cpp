#include "lib/http/status_pages.h"

#include <algorithm>
#include <utility>

#include "lib/observability/metrics.h"

namespace bunker::http {
namespace {

std::string line(const CheckResult& check) {
  std::string out(check.passes ? "[+]" : "[-]");
  out += check.name;
  out += check.passes ? " ok" : " failed";
  if (!check.passes && !check.why.empty()) out += ": " + check.why;
  return out + '\n';
}

}  // namespace

Response status_page(int status, std::string_view content_type, std::string body) {
  Response response(status);
  response.headers.add("Content-Type", content_type);
  response.headers.add("Cache-Control", "no-store");
  response.body = Body(std::move(body));
  return response;
}

std::optional<Response> refuse_writes(const Request& request) {
  if (request.method == Method::get || request.method == Method::head) return std::nullopt;
  Response response = status_page(405, "only GET and HEAD\n");
  response.headers.add("Allow", "GET, HEAD");
  return response;
}

Response metrics_page(const Metrics& metrics, const Request& request) {
  auto exposition = metrics.expose(request.headers.joined("Accept").value_or(""));
  return status_page(200, exposition.content_type, std::move(exposition.body));
}

Response checks_page(std::string_view page, const std::vector<CheckResult>& checks,
                     const Request& request) {
  const std::vector<std::string> excluded = request.query_values("exclude");
  bool all = true;
  std::string lines;
  for (const CheckResult& check : checks) {
    if (std::ranges::find(excluded, check.name) != excluded.end()) {
      lines += "[+]" + check.name + " excluded: ok\n";
      continue;
    }
    all = all && check.passes;
    lines += line(check);
  }
  if (!all) return status_page(503, lines + std::string(page) + " check failed\n");
  if (!request.query_value("verbose")) return status_page(200, "ok\n");
  return status_page(200, lines + std::string(page) + " check passed\n");
}

}  // namespace bunker::http
