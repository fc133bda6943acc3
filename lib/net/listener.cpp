#include "lib/net/listener.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <asio/redirect_error.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace bunker::net {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn
constexpr unsigned kAcceptBurst = 32;
constexpr auto kBackoff = std::chrono::milliseconds(50);

class Fd {
 public:
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<Error> cannot_listen(const Endpoint& endpoint, int code) {
  const std::string what = "cannot listen on " + to_string(endpoint);
  switch (code) {
    case EADDRINUSE:
      return fail(Code::conflict, what + ": the address is in use",
                  "stop the other program, or choose another address");
    case EACCES:
    case EPERM:
      return fail(Code::forbidden, what + ": not permitted",
                  "choose a port above 1023, or a directory that this user may write to");
    default:
      return fail(Code::invalid, what, std::strerror(code));
  }
}

bool set_option(int fd, int level, int name, int value = 1) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

Endpoint local_endpoint(int fd) noexcept {
  Endpoint endpoint;
  endpoint.length = sizeof(endpoint.storage);
  ::getsockname(fd, endpoint.address(), &endpoint.length);
  return endpoint;
}

// A bound TCP socket. Accepted sockets inherit TCP_NODELAY and SO_KEEPALIVE from it.
Result<Fd> bind_tcp(const Endpoint& endpoint, bool share_port) {
  Fd fd(::socket(endpoint.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return cannot_listen(endpoint, errno);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE);
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  if (endpoint.family() == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (share_port && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT)) {
    return cannot_listen(endpoint, errno);
  }
  if (::bind(fd.get(), endpoint.address(), endpoint.length) != 0) {
    return cannot_listen(endpoint, errno);
  }
  return fd;
}

Result<std::vector<Fd>> listen_tcp(Endpoint endpoint, std::size_t count) {
  // With SO_REUSEPORT a second process could bind to our port unnoticed: look first.
  if (endpoint.port() != 0) BUNKER_TRY(bind_tcp(endpoint, false));
  std::vector<Fd> fds;
  for (std::size_t i = 0; i < count; ++i) {
    BUNKER_TRY_ASSIGN(Fd fd, bind_tcp(endpoint, true));
    if (::listen(fd.get(), kBacklog) != 0) return cannot_listen(endpoint, errno);
    endpoint.set_port(local_endpoint(fd.get()).port());
    fds.push_back(std::move(fd));
  }
  return fds;
}

// A socket file that nobody listens on any more is left over from a crash, and goes.
Result<void> remove_stale_socket(const Endpoint& endpoint, const char* path) {
  struct stat info{};
  if (::lstat(path, &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) {
    return fail(Code::conflict, "cannot listen on " + std::string(path) + ": it is not a socket",
                "remove the file, or choose another path");
  }
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), endpoint.address(), endpoint.length) == 0 || errno != ECONNREFUSED) {
    return cannot_listen(endpoint, EADDRINUSE);
  }
  if (::unlink(path) != 0) return cannot_listen(endpoint, errno);
  return {};
}

}  // namespace

class SocketFile {
 public:
  explicit SocketFile(std::string path) : path_(std::move(path)) { ::lstat(path_.c_str(), &info_); }
  ~SocketFile() {
    struct stat now{};
    if (::lstat(path_.c_str(), &now) == 0 && now.st_ino == info_.st_ino &&
        now.st_dev == info_.st_dev) {
      ::unlink(path_.c_str());
    }
  }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

 private:
  std::string path_;
  struct stat info_{};
};

namespace {

Result<std::vector<std::unique_ptr<Listener>>> listen_unix(
    const Endpoint& endpoint, std::span<asio::io_context* const> contexts) {
  const char* path = reinterpret_cast<const sockaddr_un&>(endpoint.storage).sun_path;
  BUNKER_TRY(remove_stale_socket(endpoint, path));
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 || ::bind(fd.get(), endpoint.address(), endpoint.length) != 0) {
    return cannot_listen(endpoint, errno);
  }
  const auto file = std::make_shared<const SocketFile>(path);
  if (::listen(fd.get(), kBacklog) != 0) return cannot_listen(endpoint, errno);
  std::vector<std::unique_ptr<Listener>> listeners;
  for (asio::io_context* context : contexts) {
    const int copy = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return cannot_listen(endpoint, errno);
    listeners.push_back(std::make_unique<Listener>(*context, copy, file));
  }
  return listeners;
}

}  // namespace

Result<std::vector<std::unique_ptr<Listener>>> open_listeners(
    std::string_view network, std::string_view address,
    std::span<asio::io_context* const> contexts) {
  BUNKER_TRY_ASSIGN(const auto endpoints, listen_endpoints(network, address));
  Error last;
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.family() == AF_UNIX) return listen_unix(endpoint, contexts);
    auto fds = listen_tcp(endpoint, contexts.size());
    if (fds) {
      std::vector<std::unique_ptr<Listener>> listeners;
      for (std::size_t i = 0; i < contexts.size(); ++i) {
        listeners.push_back(std::make_unique<Listener>(*contexts[i], (*fds)[i].release(), nullptr));
      }
      return listeners;
    }
    last = std::move(fds).error();
    if (last.code == Code::conflict || last.code == Code::forbidden) break;
  }
  return std::unexpected(std::move(last));
}

Listener::Listener(asio::io_context& context, int fd, std::shared_ptr<const SocketFile> file)
    : descriptor_(context, fd), backoff_(context), file_(std::move(file)) {}

Endpoint Listener::bound() noexcept {
  return local_endpoint(descriptor_.native_handle());
}

Task<void> Listener::pause() {
  if (closed_) co_return;
  backoff_.expires_after(kBackoff);
  asio::error_code ignored;
  co_await backoff_.async_wait(asio::redirect_error(use_task, ignored));
}

Task<Result<Accepted>> Listener::accept() {
  while (true) {
    Accepted accepted;
    accepted.peer.length = sizeof(accepted.peer.storage);
    if (burst_ < kAcceptBurst || closed_) {
      accepted.fd = ::accept4(descriptor_.native_handle(), accepted.peer.address(),
                              &accepted.peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted.fd >= 0) {
        ++burst_;
        co_return accepted;
      }
      const int code = errno;
      if (code == EINTR || code == ECONNABORTED) continue;  // that one left before we took it
      if (code != EAGAIN && !closed_) {                     // EMFILE, ENOMEM and their like
        co_await pause();
        continue;
      }
    }
    if (closed_) co_return fail(Code::cancelled, "the listener is closed");
    burst_ = 0;
    asio::error_code ignored;
    co_await descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                                    asio::redirect_error(use_task, ignored));
  }
}

void Listener::close() noexcept {
  closed_ = true;
  asio::error_code ignored;
  descriptor_.cancel(ignored);
  backoff_.cancel();
}

}  // namespace bunker::net
