// Configurations that must load, or must be refused for a known reason; and short ways to look at
// a report.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "registryd/config/load.h"

namespace bunker::config::samples {

// What the registry image of distribution ships.
inline constexpr std::string_view kImageDefault = R"(version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
)";

// The walk-through's, on S3 with Redis.
inline constexpr std::string_view kWalkThrough = R"(# config.yml
version: 0.1

log:
  fields:
    service: registry

http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]

storage:
  cache:
    blobdescriptor: redis
  s3:
    accesskey: "API Key: EXO..."  # <-- change here,
    secretkey: "Secret Key"       # <-- here,
    bucket: "my-docker-registry"  # <-- and probably here too
    region: "ch-dk-2"
    regionendpoint: "https://sos-ch-dk-2.exo.io"

redis:
  addr: redis:6379

health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
)";

// The walk-through's `http:` with TLS and client certificates.
inline constexpr std::string_view kWithTls = R"(version: 0.1
storage: inmemory
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
  tls:
    certificate: /etc/docker/certs/cert.pem
    key: /etc/docker/certs/key.pem
    clientcas:
    - /etc/docker/certs/ca.pem
)";

inline constexpr std::string_view kMinimal = "version: 0.1\nstorage: inmemory\n";

inline Report check_text(std::string_view text, const Environment& environment = {}) {
  return check(text, "config.yml", environment);
}

// The minimal configuration with `more` below it.
inline Report check_more(std::string_view more, const Environment& environment = {}) {
  return check_text(std::string(kMinimal) + std::string(more), environment);
}

inline const Finding* find(const Report& report, Severity severity, std::string_view key) {
  const auto found = std::ranges::find_if(report.findings, [&](const Finding& finding) {
    return finding.severity == severity && finding.key == key;
  });
  return found == report.findings.end() ? nullptr : &*found;
}

inline std::size_t count(const Report& report, Severity severity) {
  return static_cast<std::size_t>(
      std::ranges::count(report.findings, severity, &Finding::severity));
}

// The findings as a person sees them, for the message of a failed test.
inline std::string text(const Report& report) {
  return format(report.findings);
}

}  // namespace bunker::config::samples
