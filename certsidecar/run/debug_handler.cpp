#include "certsidecar/run/debug_handler.h"

#include <memory>
#include <utility>

#include "lib/http/status_pages.h"

namespace bunker::certsidecar {
namespace {

using http::Request;
using http::Response;

struct Pages {
  const Metrics& metrics;
  std::function<bool()> ready;
};

Response handle(const Pages& pages, const Request& request) {
  if (auto refused = http::refuse_writes(request)) return *std::move(refused);
  if (request.path == "/metrics") return http::metrics_page(pages.metrics, request);
  if (request.path == "/healthz") return http::status_page(200, "ok\n");
  if (request.path == "/readyz") {
    if (pages.ready()) return http::status_page(200, "ok\n");
    return http::status_page(503, "a certificate is missing or expired: see the log\n");
  }
  return http::status_page(404, "no such page\n");
}

Task<Response> respond(std::shared_ptr<const Pages> pages, const Request& request) {
  co_return handle(*pages, request);
}

}  // namespace

http::Handler make_debug_handler(const Metrics& metrics, std::function<bool()> ready) {
  auto pages = std::make_shared<const Pages>(Pages{metrics, std::move(ready)});
  return [pages](Context&, Request& request) { return respond(pages, request); };
}

}  // namespace bunker::certsidecar
