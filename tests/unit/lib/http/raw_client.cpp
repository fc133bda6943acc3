#include "tests/unit/lib/http/raw_client.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http/syntax.h"
#include "lib/net/address.h"

namespace bunker::http::testing {

std::string RawResponse::field(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignore_case(line.substr(0, colon), name)) {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return {};
}

RawClient::RawClient(const std::string& address, int receive_buffer) {
  const auto endpoints = net::listen_endpoints(address.front() == '/' ? "unix" : "tcp", address);
  if (!endpoints) std::abort();
  const net::Endpoint& endpoint = endpoints->front();
  fd_ = ::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  }
  if (::connect(fd_, endpoint.address(), endpoint.length) != 0) {
    std::perror("connect");
    std::abort();
  }
}

RawClient::~RawClient() {
  if (fd_ >= 0) ::close(fd_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::finish_sending() {
  ::shutdown(fd_, SHUT_WR);
}

void RawClient::reset() {
  const ::linger abortive{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abortive, sizeof(abortive));
  ::close(fd_);
  fd_ = -1;
}

bool RawClient::fill(std::chrono::milliseconds timeout) {
  pollfd entry{fd_, POLLIN, 0};
  if (::poll(&entry, 1, static_cast<int>(timeout.count())) <= 0) return false;
  std::array<char, 64 * 1024> piece;
  const ssize_t got = ::recv(fd_, piece.data(), piece.size(), 0);
  if (got > 0) buffer_.append(piece.data(), static_cast<std::size_t>(got));
  if (got == 0) ended_ = true;
  return got > 0;
}

bool RawClient::take_line(std::string& line, std::chrono::milliseconds timeout) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!fill(timeout)) return false;
  }
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

bool RawClient::take(std::string& out, std::size_t count, std::chrono::milliseconds timeout) {
  while (buffer_.size() < count) {
    if (!fill(timeout)) {
      out += buffer_;
      buffer_.clear();
      return false;
    }
  }
  out.append(buffer_, 0, count);
  buffer_.erase(0, count);
  return true;
}

bool RawClient::take_chunks(std::string& body, std::chrono::milliseconds timeout) {
  std::string line;
  while (take_line(line, timeout)) {
    const std::size_t size = std::strtoull(line.c_str(), nullptr, 16);
    if (size > 0 && !take(body, size, timeout)) return false;
    if (!take_line(line, timeout)) return false;
    if (size == 0) return true;
  }
  return false;
}

RawResponse RawClient::receive(bool head_only, std::chrono::milliseconds timeout) {
  RawResponse response;
  std::string line;
  while (take_line(line, timeout) && !line.empty()) response.head += line + "\r\n";
  if (response.head.size() < 12 || !line.empty()) return response;
  response.status = std::atoi(response.head.c_str() + 9);
  const std::string length = response.field("Content-Length");
  if (head_only || response.status < 200 || response.status == 204 || response.status == 304) {
    response.complete = true;
  } else if (response.field("Transfer-Encoding") == "chunked") {
    response.complete = take_chunks(response.body, timeout);
  } else if (!length.empty()) {
    response.complete = take(response.body, std::strtoull(length.c_str(), nullptr, 10), timeout);
  } else {
    while (fill(timeout)) {
    }
    response.body = std::exchange(buffer_, {});
    response.complete = ended_;
  }
  return response;
}

std::string RawClient::receive_some(std::chrono::milliseconds timeout) {
  if (buffer_.empty()) fill(timeout);
  return std::exchange(buffer_, {});
}

bool RawClient::closed(std::chrono::milliseconds timeout) {
  return buffer_.empty() && !fill(timeout) && ended_;
}

}  // namespace bunker::http::testing
