// The OCI distribution API as an http::Handler over registry::Registry: parses requests, asks the
// registry, renders answers. No rule of the registry is here and no socket.
// Thread-safe. Owner: the composition root; what Services refers to outlives the handler.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lib/http/message.h"
#include "lib/http/server.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "registryd/auth/guard.h"
#include "registryd/core/registry.h"

namespace bunker::api {

// What the audit log holds: nothing; pushes, deletions and refusals; or every request.
enum class AuditLevel { off, changes, all };

struct Options {
  // http.prefix: every path but "/" lies under it. "" or "/" is none; a trailing '/' is optional.
  std::string prefix;
  // http.host: "https://registry.example.com:5000", what Location begins with. Empty: see urls.h.
  std::string host;
  bool relative_urls = false;  // http.relativeurls: Location is always a path
  // http.headers, in order: added to every response that does not set the same field itself. Names
  // and values are valid (the configuration checks them).
  std::vector<std::pair<std::string, std::string>> headers;
  // http.secret: seals upload states. The same on every replica that shares the store.
  std::string secret;
  std::size_t catalog_max_entries = 1000;     // catalog.maxentries
  std::size_t tags_max = 1000;                // tags.maxtags: the most that `n` can ask for
  std::size_t max_manifest_bytes = 4u << 20;  // as Registry::Options
  bool access_log = true;                     // log.accesslog.disabled, the other way round
  AuditLevel audit = AuditLevel::off;         // bunker.audit
  // False while a health check fails: everything but "/" then answers 503. Empty: always healthy.
  // Called on I/O threads for every request.
  std::function<bool()> healthy;
};

struct Services {
  registry::Registry& registry;
  Logger& logger;
  Metrics& metrics;
  auth::Guard* guard = nullptr;  // null: everyone may do everything
  Logger* audit = nullptr;       // where the audit log goes; null: to `logger`
};

[[nodiscard]] http::Handler make_handler(Services services, Options options);

// For http::Server::Options::refuse: what the server turns away before the handler sees it gets the
// same JSON and headers.
[[nodiscard]] http::Refuse make_refuse(const Options& options);

}  // namespace bunker::api
