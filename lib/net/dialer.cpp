#include "lib/net/dialer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/net/tcp_stream.h"

namespace bunker::net {
namespace {

std::unexpected<Error> unreachable(const Endpoint& endpoint, int code) {
  return fail(Code::retry_later, "cannot connect to " + to_string(endpoint), std::strerror(code));
}

// Whether another address of the same name may do better.
bool another_may_answer(const Error& error) noexcept {
  return error.code == Code::retry_later || error.code == Code::cancelled;
}

}  // namespace

SocketDialer::SocketDialer(BlockingPool& pool, const TlsClient* tls, Options options)
    : pool_(pool), tls_(tls), options_(options) {
  ignore_sigpipe();
}

Task<Result<std::unique_ptr<Stream>>> SocketDialer::dial(Destination to, SteadyTime deadline) {
  if (to.tls && tls_ == nullptr) {
    co_return fail(Code::unsupported, "no TLS is configured for connections to " + to.host);
  }
  BUNKER_CO_TRY_ASSIGN(const auto endpoints, co_await endpoints_of(to));
  Error last;
  for (const Endpoint& endpoint : endpoints) {
    const SteadyTime now = std::chrono::steady_clock::now();
    auto stream = co_await connect(endpoint, to, std::min(deadline, now + options_.connect_time));
    if (stream) co_return stream;
    last = std::move(stream).error();
    if (!another_may_answer(last)) break;
    if (std::chrono::steady_clock::now() >= deadline) break;
  }
  forget({to.host, to.port});
  if (last.code == Code::cancelled) last.code = Code::retry_later;
  co_return std::unexpected(std::move(last));
}

Task<Result<std::vector<Endpoint>>> SocketDialer::endpoints_of(const Destination& to) {
  const Name name{to.host, to.port};
  if (auto known = cached(name); !known.empty()) co_return known;
  auto look_up = [host = to.host, port = to.port] { return resolve(host, port); };
  BUNKER_CO_TRY_ASSIGN(auto endpoints, co_await pool_.run(std::move(look_up)));
  const std::lock_guard lock(mutex_);
  names_[name] = {endpoints, std::chrono::steady_clock::now() + options_.names_for, 1};
  co_return endpoints;
}

std::vector<Endpoint> SocketDialer::cached(const Name& name) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end()) return {};
  Resolved& resolved = found->second;
  if (resolved.expires <= std::chrono::steady_clock::now()) {
    names_.erase(found);
    return {};
  }
  std::vector<Endpoint> endpoints = resolved.endpoints;
  const auto first = static_cast<std::ptrdiff_t>(resolved.next++ % endpoints.size());
  std::ranges::rotate(endpoints, endpoints.begin() + first);
  return endpoints;
}

void SocketDialer::forget(const Name& name) {
  const std::lock_guard lock(mutex_);
  names_.erase(name);
}

Task<Result<std::unique_ptr<Stream>>> SocketDialer::connect(const Endpoint& endpoint,
                                                            const Destination& to,
                                                            SteadyTime deadline) {
  const int fd = ::socket(endpoint.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return unreachable(endpoint, errno);
  asio::io_context& context = (co_await asio::this_coro::executor).context();
  std::unique_ptr<Stream> stream;
  TlsStream* secure = nullptr;
  if (to.tls) {
    auto made = std::make_unique<TlsStream>(context, fd, tls_->open(to.host));
    secure = made.get();
    stream = std::move(made);
  } else {
    stream = std::make_unique<TcpStream>(context, fd);
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));

  stream->set_deadline(deadline);
  if (::connect(fd, endpoint.address(), endpoint.length) != 0) {
    if (errno != EINPROGRESS) co_return unreachable(endpoint, errno);
    if (!co_await stream->wait(Want::write)) co_return unreachable(endpoint, ETIMEDOUT);
    int code = 0;
    socklen_t size = sizeof(code);
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0) co_return unreachable(endpoint, code);
  }
  if (secure != nullptr) BUNKER_CO_TRY(co_await secure->handshake());
  stream->set_deadline(SteadyTime::max());
  co_return stream;
}

}  // namespace bunker::net
