// From what a config.yml says to what each part of the program takes: one function a part. Part of
// the composition root; no I/O but for the authorities that health_tls() reads. Any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/http/client.h"
#include "lib/http/server.h"
#include "lib/net/dialer.h"
#include "lib/net/tls_client.h"
#include "lib/observability/log.h"
#include "registryd/api/api.h"
#include "registryd/auth/policy_source.h"
#include "registryd/config/config.h"
#include "registryd/core/registry.h"
#include "registryd/ops/health_checks.h"
#include "registryd/ops/upload_purger.h"
#include "registryd/storage/object_store.h"

namespace bunker {

[[nodiscard]] Logger::Options log_options(const config::Log& log);

// `policies` says which tags are immutable; null: none is. It outlives the registry.
[[nodiscard]] registry::Registry::Options registry_options(const config::Config& config,
                                                           auth::PolicySource* policies);

[[nodiscard]] http::Limits http_limits(const config::Limits& limits);
[[nodiscard]] std::size_t io_thread_count(const config::Bunker& bunker);

// `secret` signs upload URLs.
[[nodiscard]] api::Options api_options(const config::Config& config, std::string secret);

[[nodiscard]] ops::PurgeOptions purge_options(const config::UploadPurging& purging);

// Whom health checks over https trust: the system's authorities. Null where there are none of
// these checks, since reading the authorities takes time and memory.
[[nodiscard]] Result<std::unique_ptr<net::TlsClient>> health_tls(const config::Health& health);

// The checks of `health:`. The other arguments outlive them.
[[nodiscard]] std::vector<ops::HealthCheck> health_checks(const config::Health& health,
                                                          storage::ObjectStore& store,
                                                          net::Dialer& dialer,
                                                          http::Client& client);

}  // namespace bunker
