#include "registryd/ops/health_checks.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <sys/stat.h>

#include "lib/net/address.h"
#include "registryd/core/layout.h"

namespace bunker::ops {
namespace {

SteadyTime deadline_in(std::chrono::nanoseconds timeout) {
  return std::chrono::steady_clock::now() + timeout;
}

Task<Result<void>> check_storage(storage::ObjectStore& store, std::chrono::nanoseconds timeout) {
  Context context{.request_id = "health", .deadline = deadline_in(timeout)};
  storage::ListOptions options;
  options.delimited = true;
  options.limit = 1;
  BUNKER_CO_TRY(
      co_await store.list(context, std::string(registry::layout::kRepositories), options));
  co_return Result<void>();
}

Task<Result<void>> check_file(std::string path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) co_return fail(Code::retry_later, path + " exists");
  if (errno == ENOENT || errno == ENOTDIR) co_return Result<void>();
  co_return fail(Code::internal, "cannot look for " + path + ": " + std::strerror(errno));
}

Task<Result<void>> check_tcp(std::string address, std::chrono::nanoseconds timeout,
                             net::Dialer& dialer) {
  BUNKER_CO_TRY_ASSIGN(const net::HostPort to, net::split_host_port(address));
  net::Destination destination(to.host, to.port, /*secure=*/false);
  BUNKER_CO_TRY(co_await dialer.dial(std::move(destination), deadline_in(timeout)));
  co_return Result<void>();
}

Task<Result<void>> check_http(std::shared_ptr<const HttpProbe> probe, http::Client& client) {
  BUNKER_CO_TRY_ASSIGN(http::Url url, http::parse_url(probe->url));
  http::ClientRequest request("HEAD", std::move(url.target));
  request.headers = probe->headers;
  BUNKER_CO_TRY_ASSIGN(const auto response,
                       co_await client.send(std::move(url.destination), std::move(request),
                                            deadline_in(probe->timeout)));
  if (response.status == probe->status) co_return Result<void>();
  co_return fail(Code::retry_later, probe->url + " answered " + std::to_string(response.status) +
                                        " instead of " + std::to_string(probe->status));
}

}  // namespace

HealthCheck storage_check(storage::ObjectStore& store, std::chrono::nanoseconds timeout) {
  HealthCheck check;
  check.name = "storagedriver_" + std::string(store.driver());
  check.run = [&store, timeout] { return check_storage(store, timeout); };
  return check;
}

HealthCheck file_check(std::string path) {
  HealthCheck check;
  check.name = path;
  check.run = [path = std::move(path)] { return check_file(path); };
  return check;
}

HealthCheck tcp_check(std::string address, std::chrono::nanoseconds timeout, net::Dialer& dialer) {
  HealthCheck check;
  check.name = address;
  check.run = [address = std::move(address), timeout, &dialer] {
    return check_tcp(address, timeout, dialer);
  };
  return check;
}

HealthCheck http_check(HttpProbe probe, http::Client& client) {
  HealthCheck check;
  check.name = probe.url;
  check.run = [probe = std::make_shared<const HttpProbe>(std::move(probe)), &client] {
    return check_http(probe, client);
  };
  return check;
}

}  // namespace bunker::ops
