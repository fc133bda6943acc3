#include "registryd/serve.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "lib/base/random.h"
#include "lib/http/client.h"
#include "lib/http/server.h"
#include "lib/net/dialer.h"
#include "lib/net/tls_client.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/blocking_pool.h"
#include "lib/runtime/io_threads.h"
#include "lib/runtime/stop_signals.h"
#include "registryd/admin/loader.h"
#include "registryd/administration.h"
#include "registryd/admission.h"
#include "registryd/api/api.h"
#include "registryd/backend.h"
#include "registryd/caching.h"
#include "registryd/collection.h"
#include "registryd/core/registry.h"
#include "registryd/ops/collection_service.h"
#include "registryd/ops/debug_handler.h"
#include "registryd/ops/health.h"
#include "registryd/ops/health_checks.h"
#include "registryd/ops/health_monitor.h"
#include "registryd/ops/instrumented_store.h"
#include "registryd/ops/registry_metrics.h"
#include "registryd/ops/upload_purger.h"
#include "registryd/options.h"
#include "registryd/secret.h"
#include "registryd/tls.h"

namespace bunker {
namespace {

constexpr std::size_t kPoolThreads = 16;  // started as they are needed

using std::chrono::duration_cast;
using std::chrono::milliseconds;

void log_findings(Logger& log, std::span<const config::Finding> findings) {
  for (const config::Finding& finding : findings) {
    const LogLevel level =
        finding.severity == config::Severity::note ? LogLevel::info : LogLevel::warn;
    log.log(level, "configuration",
            {{"key", finding.key}, {"finding", finding.message}, {"remedy", finding.remedy}});
  }
}

// http.secret, or for a folder the one that is kept in it; else one for the life of this process.
Result<std::string> upload_secret(const config::Config& config, Logger& log) {
  if (!config.http.secret.empty()) return config.http.secret;
  if (config.storage.filesystem) {
    return kept_secret(config.storage.filesystem->root_directory + "/.bunker");
  }
  log.warn("no http.secret is set: a random one is used, so uploads end with this process",
           {{"remedy", "set http.secret to the same value on every replica"}});
  return random_bytes(32);
}

// The audit log's own way out where log.level would keep its lines back; else null.
std::unique_ptr<Logger> audit_logger(const config::Config& config) {
  Logger::Options options = log_options(config.log);
  if (config.bunker.audit == config::Audit::off || options.level <= LogLevel::info) return nullptr;
  options.level = LogLevel::info;
  return std::make_unique<Logger>(std::move(options));
}

http::Server::Options server_options(const config::Config& config, net::TlsServer* tls,
                                     Metrics& metrics, Logger& log) {
  http::Server::Options options;
  options.network = config.http.network == config::Network::unix_socket ? "unix" : "tcp";
  options.address = config.http.address;
  options.limits = http_limits(config.bunker.limits);
  Gauge& open = metrics.gauge("bunker_http_connections", "Open connections to the API.");
  options.observer.connections = [&open](std::ptrdiff_t delta) {
    open.add(static_cast<double>(delta));
  };
  Counter& refused = metrics.counter("bunker_http_refused_requests_total",
                                     "Requests refused as malformed or over a limit.");
  options.observer.refused = [&refused, &log](std::string_view reason) {
    refused.add();
    log.debug("request refused", {{"reason", reason}});
  };
  options.observer.failed = [&log](std::string_view what) {
    log.warn("response broken off", {{"error", what}});
  };
  options.observer.handshake_failed = [&log](std::string_view peer, const Error& error) {
    // Scanners make noise; a client with the wrong certificate is somebody's problem.
    log.log(error.code == Code::forbidden ? LogLevel::info : LogLevel::debug,
            "TLS handshake failed",
            {{"peer", peer}, {"error", error.message}, {"reason", error.detail}});
  };
  options.tls = tls;
  options.refuse = api::make_refuse(api_options(config, {}));
  return options;
}

// The listener of http.debug.addr; null where there is none.
std::unique_ptr<http::Server> make_debug_server(const config::Http& http, IoThreads& threads,
                                                ops::DebugOptions debug) {
  if (http.debug_address.empty()) return nullptr;
  http::Server::Options options;
  options.address = http.debug_address;
  return std::make_unique<http::Server>(threads, std::move(options),
                                        ops::make_debug_handler(std::move(debug)));
}

// Where clients on this machine reach `server`.
std::string local_address(const http::Server& server) {
  std::string address = server.bound_address();
  for (const std::string_view any : {"0.0.0.0:", "[::]:"}) {
    if (address.starts_with(any)) return "127.0.0.1:" + address.substr(any.size());
  }
  return address;
}

void announce(Logger& log, const config::Config& config, const http::Server& api,
              const http::Server* debug) {
  const std::string address = local_address(api);
  const bool tls = config::has_tls(config);
  log.info("listening", {{"address", api.bound_address()},
                         {"scheme", tls ? "https" : "http"},
                         {"debug_address", debug ? debug->bound_address() : "none"}});
  if (config.storage.filesystem) {
    log.info("storage",
             {{"driver", "filesystem"}, {"folder", config.storage.filesystem->root_directory}});
  } else if (config.storage.s3) {
    const config::S3& s3 = *config.storage.s3;
    log.info("storage", {{"driver", "s3"}, {"bucket", s3.bucket}, {"endpoint", s3.endpoint}});
  } else {
    log.warn("storage is memory: everything is lost when this process ends",
             {{"driver", "inmemory"}});
  }
  if (config.http.network == config::Network::tcp) {
    log.info("ready: docker tag alpine " + address + "/alpine && docker push " + address +
             "/alpine");
  }
}

// Passwords, keys, rules and certificates, read again because somebody asked for it.
std::vector<admin::Reloaded> reload(Admission& admission, ServerTls* tls) {
  std::vector<admin::Reloaded> out;
  for (const auth::Reloaded& file : admission.reload()) {
    out.push_back(
        {file.what, file.path, file.result ? std::string() : to_string(file.result.error())});
  }
  if (tls != nullptr && tls->from_files()) {
    const auto done = tls->reload();
    out.push_back({"TLS certificates", {}, done ? std::string() : to_string(done.error())});
  }
  return out;
}

// The admin API, with all that it needs; nothing where it is not configured.
struct Admin {
  std::unique_ptr<admin::Module> module;
  std::unique_ptr<Administration> operations;
  std::unique_ptr<admin::Server> server;
};

Result<Admin> start_admin(const config::Admin& config, const Administration::Deps& deps,
                          Logger& log) {
  Admin out;
  if (config.socket.empty() && config.address.empty()) return out;
  BUNKER_TRY_ASSIGN(out.module, admin::load_module(config.module));
  out.operations = std::make_unique<Administration>(deps);
  admin::ServerOptions options{config.socket, config.address, config.certificate, config.key,
                               config.client_ca};
  BUNKER_TRY_ASSIGN(out.server, out.module->serve(*out.operations, std::move(options)));
  log.info("admin API listening", {{"socket", config.socket.empty() ? "none" : config.socket},
                                   {"port", out.server->port()}});
  return out;
}

}  // namespace

Result<void> serve(const config::Config& config, std::span<const config::Finding> findings) {
  const StopSignals stop_signals(StopSignals::Hangup::reloads);
  Logger log(log_options(config.log));
  log_findings(log, findings);
  const auto audit_log = audit_logger(config);
  Metrics metrics;
  register_build_info(metrics, "registryd");
  register_log_metrics(metrics, log);
  const SystemClock clock;

  // Who may use it.
  BlockingPool pool(kPoolThreads);
  BUNKER_TRY_ASSIGN(const auto admission, open_admission(config, pool, clock, log, metrics));

  // Storage, and the rules over it.
  BUNKER_TRY_ASSIGN(const auto backend, open_backend(config, pool, clock, metrics));
  const auto store = ops::instrument(backend->store(), metrics);
  BUNKER_TRY_ASSIGN(const auto caching, open_caching(config, *store, pool, log, metrics));
  registry::Registry registry(caching->store(), clock,
                              registry_options(config, admission->policies()));
  ops::register_registry_metrics(metrics, registry);
  BUNKER_TRY_ASSIGN(std::string secret, upload_secret(config, log));

  // How clients reach it.
  BUNKER_TRY_ASSIGN(const auto tls, ServerTls::open(config, clock, log, metrics));

  // What health checks reach others with.
  BUNKER_TRY_ASSIGN(const auto client_tls, health_tls(config.health));
  net::SocketDialer dialer(pool, client_tls.get());
  http::Client client(dialer);

  // The threads are declared after what their coroutines use, so that coroutines go first.
  ops::Health health;
  std::atomic<bool> draining = false;
  IoThreads threads(io_thread_count(config.bunker));

  api::Options options = api_options(config, std::move(secret));
  options.healthy = [&health] { return health.healthy(); };
  http::Server api_server(
      threads, server_options(config, tls ? &tls->server() : nullptr, metrics, log),
      api::make_handler({registry, log, metrics, admission->guard(), audit_log.get()},
                        std::move(options)));
  ops::DebugOptions debug{health};
  if (config.http.prometheus_enabled) debug.metrics = &metrics;
  debug.metrics_path = config.http.prometheus_path;
  debug.draining = [&draining] { return draining.load(); };
  const auto debug_server = make_debug_server(config.http, threads, std::move(debug));
  BUNKER_TRY(api_server.start());
  if (debug_server) BUNKER_TRY(debug_server->start());

  // Upkeep: health checks, and the purge of abandoned uploads.
  ops::HealthMonitor monitor(threads, health_checks(config.health, *store, dialer, client), health,
                             log, metrics);
  std::optional<ops::UploadPurger> purger;
  if (config.storage.upload_purging.enabled && !config.storage.read_only) {
    purger.emplace(threads, registry, purge_options(config.storage.upload_purging), log, metrics);
  }

  const registry::SystemTimer timer;
  std::optional<std::chrono::nanoseconds> collect_every;
  if (config.bunker.collection.enabled && !config.storage.read_only) {
    collect_every = config.bunker.collection.interval;
  }
  storage::ObjectStore& exact = caching->store().exact();
  ops::CollectionService collections({threads, exact, timer, clock, registry.guard(), log, metrics},
                                     collection_options(config), collect_every);
  const auto reload_all = [&] { return reload(*admission, tls.get()); };
  BUNKER_TRY_ASSIGN(Admin admin, start_admin(config.bunker.admin,
                                             {registry, exact, caching->cache(), collections,
                                              health, threads, reload_all},
                                             log));

  threads.start();
  if (tls) tls->watch();
  announce(log, config, api_server, debug_server.get());

  // What cannot be read is in the log already.
  const auto hung_up = [&] { log.info("reloaded", {{"files", reload_all().size()}}); };
  log.info("stopping", {{"signal", stop_signals.wait(hung_up)}});
  draining = true;
  if (tls) tls->stop();
  if (purger) purger->stop();
  admin.server.reset();
  collections.stop();
  const std::size_t cut = api_server.drain(duration_cast<milliseconds>(config.http.drain_timeout));
  monitor.stop();
  if (debug_server) debug_server->drain(milliseconds(0));
  threads.stop();
  pool.wait_idle();
  log.info("stopped", {{"connections_cut", cut}});
  return {};
}

}  // namespace bunker
