#include "registryd/serve.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include <signal.h>

#include "lib/base/random.h"
#include "lib/http/client.h"
#include "lib/http/server.h"
#include "lib/net/dialer.h"
#include "lib/net/tls_client.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/blocking_pool.h"
#include "lib/runtime/io_threads.h"
#include "registryd/api/api.h"
#include "registryd/auth/htpasswd.h"
#include "registryd/backend.h"
#include "registryd/core/registry.h"
#include "registryd/ops/debug_handler.h"
#include "registryd/ops/health.h"
#include "registryd/ops/health_checks.h"
#include "registryd/ops/health_monitor.h"
#include "registryd/ops/instrumented_store.h"
#include "registryd/ops/upload_purger.h"
#include "registryd/secret.h"

namespace bunker {
namespace {

constexpr std::size_t kPoolThreads = 16;  // started as they are needed

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

LogLevel log_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::error:
      return LogLevel::error;
    case config::LogLevel::warn:
      return LogLevel::warn;
    case config::LogLevel::info:
      return LogLevel::info;
    case config::LogLevel::debug:
      return LogLevel::debug;
  }
  return LogLevel::info;
}

LogFormat log_format(config::LogFormat format) {
  switch (format) {
    case config::LogFormat::text:
      return LogFormat::text;
    case config::LogFormat::json:
      return LogFormat::json;
    case config::LogFormat::logstash:
      return LogFormat::logstash;
  }
  return LogFormat::text;
}

Logger::Options log_options(const config::Log& log) {
  Logger::Options options;
  options.level = log_level(log.level);
  options.format = log_format(log.format);
  options.fields.assign(log.fields.begin(), log.fields.end());
  return options;
}

void log_findings(Logger& log, std::span<const config::Finding> findings) {
  for (const config::Finding& finding : findings) {
    const LogLevel level =
        finding.severity == config::Severity::note ? LogLevel::info : LogLevel::warn;
    log.log(level, "configuration",
            {{"key", finding.key}, {"finding", finding.message}, {"remedy", finding.remedy}});
  }
}

registry::ReferencePolicy reference_policy(const config::Config& config) {
  registry::ReferencePolicy policy;
  policy.required = config.bunker.references == config::References::required;
  switch (config.validation.index_platforms) {
    case config::IndexPlatforms::all:
      policy.indexes = registry::ReferencePolicy::Indexes::all;
      break;
    case config::IndexPlatforms::none:
      policy.indexes = registry::ReferencePolicy::Indexes::none;
      break;
    case config::IndexPlatforms::list:
      policy.indexes = registry::ReferencePolicy::Indexes::listed;
      break;
  }
  for (const config::Platform& platform : config.validation.platforms) {
    policy.platforms.push_back({platform.os, platform.architecture});
  }
  policy.urls_allow = config.validation.urls_allow;
  policy.urls_deny = config.validation.urls_deny;
  policy.disabled = config.validation.disabled;
  return policy;
}

registry::Registry::Options registry_options(const config::Config& config) {
  registry::Registry::Options options;
  options.delete_enabled = config.storage.delete_enabled;
  options.read_only = config.storage.read_only;
  options.manifest_cache_bytes = config.bunker.manifest_cache_bytes;
  if (config.storage.tag_concurrency > 0) {
    options.tag_concurrency = static_cast<std::size_t>(config.storage.tag_concurrency);
  }
  options.references = reference_policy(config);
  return options;
}

http::Limits http_limits(const config::Limits& limits) {
  http::Limits out;
  out.connections = static_cast<std::size_t>(limits.max_connections);
  out.header_bytes = limits.max_header_bytes;
  out.idle_time = duration_cast<milliseconds>(limits.idle_timeout);
  out.stall_time = duration_cast<milliseconds>(limits.stall_timeout);
  return out;
}

std::vector<std::pair<std::string, std::string>> header_list(const config::Headers& headers) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, values] : headers) {
    for (const std::string& value : values) out.emplace_back(name, value);
  }
  return out;
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

std::size_t io_thread_count(const config::Bunker& bunker) {
  if (bunker.threads > 0) return static_cast<std::size_t>(bunker.threads);
  return std::max(1u, std::thread::hardware_concurrency());
}

unsigned threshold(std::int64_t wanted) {
  return static_cast<unsigned>(std::max<std::int64_t>(1, wanted));
}

ops::HttpProbe http_probe(const config::HttpHealth& health) {
  ops::HttpProbe probe;
  probe.url = health.uri;
  for (const auto& [name, value] : header_list(health.headers)) probe.headers.add(name, value);
  probe.status = static_cast<int>(health.status);
  probe.timeout = health.timeout.count() > 0 ? health.timeout : health.interval;
  return probe;
}

// Whom health checks over https trust: the system's authorities. Null where there are none of
// these checks, since reading the authorities takes time and memory.
Result<std::unique_ptr<net::TlsClient>> health_tls(const config::Health& health) {
  const bool wanted = std::ranges::any_of(health.http, [](const config::HttpHealth& check) {
    const auto url = http::parse_url(check.uri);
    return url && url->destination.tls;
  });
  if (!wanted) return nullptr;
  return net::TlsClient::create({});
}

// The checks of `health:`.
std::vector<ops::HealthCheck> health_checks(const config::Health& health,
                                            storage::ObjectStore& store, net::Dialer& dialer,
                                            http::Client& client) {
  std::vector<ops::HealthCheck> checks;
  const auto add = [&](ops::HealthCheck check, config::Duration interval, std::int64_t failures) {
    check.interval = interval;
    check.threshold = threshold(failures);
    checks.push_back(std::move(check));
  };
  if (health.storage.enabled) {
    add(ops::storage_check(store, health.storage.interval), health.storage.interval,
        health.storage.threshold);
  }
  for (const config::FileHealth& file : health.files) {
    add(ops::file_check(file.file), file.interval, file.threshold);
  }
  for (const config::TcpHealth& tcp : health.tcp) {
    const config::Duration timeout = tcp.timeout.count() > 0 ? tcp.timeout : tcp.interval;
    add(ops::tcp_check(tcp.address, timeout, dialer), tcp.interval, tcp.threshold);
  }
  for (const config::HttpHealth& http : health.http) {
    add(ops::http_check(http_probe(http), client), http.interval, http.threshold);
  }
  return checks;
}

ops::PurgeOptions purge_options(const config::UploadPurging& purging) {
  ops::PurgeOptions options;
  options.age = duration_cast<seconds>(purging.age);
  options.interval = std::max(duration_cast<seconds>(purging.interval), seconds(1));
  options.dry_run = purging.dry_run;
  return options;
}

api::Options api_options(const config::Config& config, std::string secret) {
  api::Options options;
  options.prefix = config.http.prefix;
  options.host = config.http.host;
  options.relative_urls = config.http.relative_urls;
  options.headers = header_list(config.http.headers);
  options.secret = std::move(secret);
  options.catalog_max_entries = static_cast<std::size_t>(config.catalog_max_entries);
  options.tags_max = static_cast<std::size_t>(config.tags_max);
  options.access_log = !config.log.access_log_disabled;
  return options;
}

http::Server::Options server_options(const config::Config& config, Metrics& metrics, Logger& log) {
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
  log.info("listening", {{"address", api.bound_address()},
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

// SIGTERM and SIGINT, blocked in this thread and all that it starts, so that wait() gets them.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  // Blocks until one comes; its name.
  [[nodiscard]] std::string_view wait() const {
    int number = 0;
    while (sigwait(&set_, &number) != 0) {
    }
    return number == SIGINT ? "SIGINT" : "SIGTERM";
  }

 private:
  sigset_t set_{};
};

}  // namespace

Result<void> serve(const config::Config& config, std::span<const config::Finding> findings) {
  const StopSignals stop_signals;
  Logger log(log_options(config.log));
  log_findings(log, findings);
  Metrics metrics;
  register_build_info(metrics, "registryd");
  register_log_metrics(metrics, log);
  const SystemClock clock;

  // Storage, and the rules over it.
  BlockingPool pool(kPoolThreads);
  BUNKER_TRY_ASSIGN(const auto backend, open_backend(config.storage, pool, clock));
  const auto store = ops::instrument(backend->store(), metrics);
  registry::Registry registry(*store, clock, registry_options(config));
  BUNKER_TRY_ASSIGN(std::string secret, upload_secret(config, log));

  // Who may use it.
  std::unique_ptr<auth::Authenticator> authenticator;
  if (config.auth.htpasswd) {
    auth::HtpasswdOptions options;
    options.path = config.auth.htpasswd->path;
    options.realm = config.auth.htpasswd->realm;
    BUNKER_TRY_ASSIGN(authenticator, auth::open_htpasswd(std::move(options), pool, log, metrics));
  }

  // What health checks reach others with.
  BUNKER_TRY_ASSIGN(const auto tls, health_tls(config.health));
  net::SocketDialer dialer(pool, tls.get());
  http::Client client(dialer);

  // The threads are declared after what their coroutines use, so that coroutines go first.
  ops::Health health;
  std::atomic<bool> draining = false;
  IoThreads threads(io_thread_count(config.bunker));

  api::Options options = api_options(config, std::move(secret));
  options.healthy = [&health] { return health.healthy(); };
  http::Server api_server(
      threads, server_options(config, metrics, log),
      api::make_handler({registry, log, metrics, authenticator.get()}, std::move(options)));
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

  threads.start();
  announce(log, config, api_server, debug_server.get());

  log.info("stopping", {{"signal", stop_signals.wait()}});
  draining = true;
  if (purger) purger->stop();
  const std::size_t cut = api_server.drain(duration_cast<milliseconds>(config.http.drain_timeout));
  monitor.stop();
  if (debug_server) debug_server->drain(milliseconds(0));
  threads.stop();
  pool.wait_idle();
  log.info("stopped", {{"connections_cut", cut}});
  return {};
}

}  // namespace bunker
