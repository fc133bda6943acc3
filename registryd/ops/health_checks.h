// The checks that `health:` in the configuration can ask for. Each returns an error while what it
// looks at is not well.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "lib/base/result.h"
#include "lib/http/client.h"
#include "lib/http/message.h"
#include "lib/net/dialer.h"
#include "lib/runtime/task.h"
#include "registryd/storage/object_store.h"

namespace bunker::ops {

struct HealthCheck {
  std::string name;
  std::chrono::nanoseconds interval = std::chrono::seconds(10);  // > 0
  unsigned threshold = 0;  // failures in a row before it counts; 0 is 1
  std::function<Task<Result<void>>()> run;
};

// health.storagedriver: whether the store answers a list of one entry within `timeout`. `store`
// outlives the check.
[[nodiscard]] HealthCheck storage_check(storage::ObjectStore& store,
                                        std::chrono::nanoseconds timeout);

// health.file: fails while the file exists, which takes a replica out of service by hand.
[[nodiscard]] HealthCheck file_check(std::string path);

// health.tcp: fails when no connection to `address` ("host:port", "[::1]:port") comes about within
// `timeout`. `dialer` outlives the check.
[[nodiscard]] HealthCheck tcp_check(std::string address, std::chrono::nanoseconds timeout,
                                    net::Dialer& dialer);

struct HttpProbe {
  std::string url;        // http or https
  http::Headers headers;  // may hold credentials: never shown
  int status = 200;       // that is expected; redirects are not followed
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
};

// health.http: fails when a HEAD request does not get the expected status in time. `client`
// outlives the check.
[[nodiscard]] HealthCheck http_check(HttpProbe probe, http::Client& client);

}  // namespace bunker::ops
