// What a Connection does about TLS: the handshake before its first request, and whether the client
// is still who it proved to be.
#include <algorithm>
#include <chrono>
#include <string_view>

#include <sys/socket.h>

#include "lib/http/connection.h"

namespace bunker::http {
namespace {

using std::chrono::steady_clock;

// The words that Go's servers use, by which people find out what is wrong.
constexpr std::string_view kNotTls =
    "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

// What the client begins with, which stays in the socket; 0: it has said nothing.
char first_byte(int fd) noexcept {
  char first = 0;
  return ::recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 ? first : '\0';
}

// A request's method; a TLS record begins with 22.
bool begins_http(char first) noexcept {
  return first >= 'A' && first <= 'Z';
}

}  // namespace

Task<Connection::Next> Connection::secure() {
  if (tls_ == nullptr) co_return Next::keep;
  const SteadyTime deadline = steady_clock::now() + state_->options.limits.handshake_time;
  stream_->set_deadline(deadline);
  // A client that says nothing costs as little as one that keeps a connection idle.
  idle_ = !state_->draining;
  if (idle_ && !co_await stream_->wait(net::Want::read)) co_return Next::abort;
  idle_ = false;
  const char first = first_byte(tls_->fd());
  if (first == '\0') co_return Next::abort;  // and we are draining
  if (begins_http(first)) co_return refuse_plain_http();
  const auto permit = co_await state_->handshakes.acquire(1, deadline);
  if (!permit) co_return Next::abort;
  auto proof = co_await state_->options.tls->handshake(*tls_);
  if (proof) {
    proof_ = std::move(*proof);
    co_return Next::keep;
  }
  const auto& told = state_->options.observer.handshake_failed;
  if (told) told(peer_, proof.error());
  // What the client has sent meanwhile must not destroy the alert on its way to it.
  co_return proof.error().code == Code::cancelled ? Next::abort : Next::linger;
}

Connection::Next Connection::refuse_plain_http() {
  state_->note_refused("an HTTP request came to an HTTPS server");
  // So few bytes always fit into a new connection's buffer.
  const ssize_t sent = ::send(tls_->fd(), kNotTls.data(), kNotTls.size(), MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(kNotTls.size()) ? Next::linger : Next::abort;
}

std::optional<std::string> Connection::distrusted() {
  if (tls_ == nullptr) return std::nullopt;
  const auto holds = state_->options.tls->check(proof_);
  if (holds) return std::nullopt;
  return holds.error().message + ": " + holds.error().detail;
}

SteadyTime Connection::idle_deadline() const {
  const SteadyTime now = steady_clock::now();
  const auto idle =
      std::chrono::duration_cast<std::chrono::nanoseconds>(state_->options.limits.idle_time);
  if (proof_.expires() == SystemTime::max()) return now + idle;
  const auto left = proof_.expires() - std::chrono::system_clock::now();
  return now + std::clamp<std::chrono::nanoseconds>(left, std::chrono::nanoseconds(0), idle);
}

void Connection::close_untrusted() {
  if (idle_ && tls_ != nullptr && !state_->options.tls->check(proof_)) stream_->interrupt();
}

}  // namespace bunker::http
