#include "registryd/options.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace bunker {
namespace {

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
  if (policy.urls_allow.empty() && policy.urls_deny.empty()) policy.urls_allow = {"^$"};  // none
  policy.disabled = config.validation.disabled;
  return policy;
}

std::vector<std::pair<std::string, std::string>> header_list(const config::Headers& headers) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, values] : headers) {
    for (const std::string& value : values) out.emplace_back(name, value);
  }
  return out;
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

api::AuditLevel audit_level(config::Audit audit) {
  switch (audit) {
    case config::Audit::off:
      return api::AuditLevel::off;
    case config::Audit::changes:
      return api::AuditLevel::changes;
    case config::Audit::all:
      return api::AuditLevel::all;
  }
  return api::AuditLevel::off;
}

}  // namespace

Logger::Options log_options(const config::Log& log) {
  Logger::Options options;
  options.level = log_level(log.level);
  options.format = log_format(log.format);
  options.fields.assign(log.fields.begin(), log.fields.end());
  return options;
}

registry::Registry::Options registry_options(const config::Config& config,
                                             auth::PolicySource* policies) {
  registry::Registry::Options options;
  options.delete_enabled = config.storage.delete_enabled;
  options.read_only = config.storage.read_only;
  options.manifest_cache_bytes = config.bunker.manifest_cache_bytes;
  if (config.storage.tag_concurrency > 0) {
    options.tag_concurrency = static_cast<std::size_t>(config.storage.tag_concurrency);
  }
  options.references = reference_policy(config);
  if (policies != nullptr) {
    options.is_immutable = [policies](const registry::RepositoryName& name,
                                      const registry::Tag& tag) {
      return policies->current()->is_immutable(name.str(), tag.str());
    };
  }
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

std::size_t io_thread_count(const config::Bunker& bunker) {
  if (bunker.threads > 0) return static_cast<std::size_t>(bunker.threads);
  return std::max(1u, std::thread::hardware_concurrency());
}

Result<std::unique_ptr<net::TlsClient>> health_tls(const config::Health& health) {
  const bool wanted = std::ranges::any_of(health.http, [](const config::HttpHealth& check) {
    const auto url = http::parse_url(check.uri);
    return url && url->destination.tls;
  });
  if (!wanted) return nullptr;
  return net::TlsClient::create({});
}

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
  options.audit = audit_level(config.bunker.audit);
  return options;
}

}  // namespace bunker
