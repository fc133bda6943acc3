#include "registryd/ops/health_checks.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/runtime/body.h"
#include "registryd/core/layout.h"

namespace bunker::ops {
namespace {

Task<Result<void>> check_storage(storage::ObjectStore& store, std::chrono::nanoseconds timeout) {
  Context context{.request_id = "health",
                  .deadline = std::chrono::steady_clock::now() +
                              std::chrono::duration_cast<SteadyTime::duration>(timeout)};
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

Result<void> connect_to(const addrinfo& address, std::chrono::milliseconds timeout) {
  const FileHandle socket(::socket(
      address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  if (socket.fd() < 0) return fail(Code::internal, std::strerror(errno));
  int error = 0;
  if (::connect(socket.fd(), address.ai_addr, address.ai_addrlen) != 0) error = errno;
  if (error == EINPROGRESS) {
    pollfd ready{.fd = socket.fd(), .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(timeout.count())) == 0) {
      return fail(Code::retry_later, "timed out");
    }
    socklen_t size = sizeof error;
    ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) return fail(Code::retry_later, std::strerror(error));
  return {};
}

// "host:port", with brackets round an IPv6 address.
std::pair<std::string, std::string> split_address(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return {std::move(host), colon == std::string::npos ? "" : address.substr(colon + 1)};
}

// Tries every address of the name, as clients do. Blocks.
Result<void> connect_by_name(const std::string& address, std::chrono::milliseconds timeout) {
  const auto [host, port] = split_address(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int lookup =
      ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (lookup != 0) {
    return fail(Code::retry_later, "cannot look up " + address + ": " + ::gai_strerror(lookup));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  Result<void> result = fail(Code::retry_later, "no address");
  for (const addrinfo* next = list.get(); next != nullptr; next = next->ai_next) {
    result = connect_to(*next, timeout);
    if (result) return result;
  }
  return fail(result.error().code, "cannot connect to " + address + ": " + result.error().message);
}

Task<Result<void>> check_tcp(std::string address, std::chrono::milliseconds timeout,
                             BlockingPool& pool) {
  auto job = [address, timeout] { return connect_by_name(address, timeout); };
  co_return co_await pool.run(std::move(job));
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

HealthCheck tcp_check(std::string address, std::chrono::milliseconds timeout, BlockingPool& pool) {
  HealthCheck check;
  check.name = address;
  check.run = [address = std::move(address), timeout, &pool] {
    return check_tcp(address, timeout, pool);
  };
  return check;
}

}  // namespace bunker::ops
