#include "tests/support/script_server.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bunker {
namespace {

// The next request on `fd`, head and body; nullopt: the client is gone.
std::optional<std::string> read_request(int fd) {
  std::string out;
  std::size_t whole = std::string::npos;
  char buffer[4096];
  while (out.size() < whole) {
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) return std::nullopt;
    out.append(buffer, static_cast<std::size_t>(got));
    const std::size_t end = out.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const std::size_t length = out.find("Content-Length:");
    whole = end + 4;
    if (length < end) whole += std::strtoul(out.c_str() + length + 15, nullptr, 10);
  }
  return out;
}

}  // namespace

void ScriptServer::Exchange::send(const std::string& bytes) const {
  ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void ScriptServer::Exchange::answer(int status, const std::string& body,
                                    const std::string& headers) const {
  send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" + headers +
       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void ScriptServer::Exchange::await_close() const {
  char byte;
  while (recv(fd_, &byte, 1, 0) > 0) {
  }
}

ScriptServer::ScriptServer(std::function<void(const Exchange&)> serve) : serve_(std::move(serve)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptServer::~ScriptServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void ScriptServer::accept_all() {
  while (true) {
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { serve_connection(fd); });
  }
}

void ScriptServer::serve_connection(int fd) {
  while (auto request = read_request(fd)) serve_(Exchange(fd, *std::move(request)));
  const std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  close(fd);
}

}  // namespace bunker
