#include "lib/net/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <asio/redirect_error.hpp>
#include <sys/socket.h>

namespace bunker::net {
namespace {

// One connection moves at most this much before the others on its thread get their turn.
constexpr std::size_t kBurst = std::size_t{1} << 20;

Error interrupted_error() {
  return {Code::retry_later, "the peer was too slow, or the connection was asked to end"};
}

Want want_of(const Attempt& attempt) noexcept {
  return attempt.status == Attempt::Status::want_read ? Want::read : Want::write;
}

bool would_block(const Attempt& attempt) noexcept {
  return attempt.status == Attempt::Status::want_read ||
         attempt.status == Attempt::Status::want_write;
}

// Drops the first `count` bytes of `pieces`.
std::span<iovec> consume(std::span<iovec> pieces, std::size_t count) noexcept {
  while (!pieces.empty() && count >= pieces.front().iov_len) {
    count -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (count > 0) {
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + count;
    pieces.front().iov_len -= count;
  }
  return pieces;
}

// Reads and forgets. The return value is recv's.
ssize_t discard_some(int fd) noexcept {
  std::array<char, 32 * 1024> sink;
  return ::recv(fd, sink.data(), sink.size(), MSG_DONTWAIT);
}

}  // namespace

Error socket_error(int code) {
  switch (code) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ETIMEDOUT:
    case ENOTCONN:
    case EBADF:
      return {Code::cancelled, "the connection was closed", std::strerror(code)};
    default:
      return {Code::internal, "a socket operation failed", std::strerror(code)};
  }
}

void ignore_sigpipe() noexcept {
  struct sigaction current{};
  if (::sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
    current.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &current, nullptr);
  }
}

Stream::Stream(asio::io_context& context, int fd) : Watched(context), descriptor_(context, fd) {}

Attempt Stream::try_receive_to_pipe(int pipe, std::size_t most) noexcept {
  (void)pipe;
  (void)most;
  return Attempt::failed(EOPNOTSUPP);
}

Attempt Stream::try_send_from_pipe(int pipe, std::size_t count) noexcept {
  (void)pipe;
  (void)count;
  return Attempt::failed(EOPNOTSUPP);
}

void Stream::shutdown_send() noexcept {
  ::shutdown(fd(), SHUT_WR);
}

void Stream::set_deadline(SteadyTime deadline) noexcept {
  deadline_ = deadline;
  interrupted_ = false;
}

void Stream::set_pace(Pace pace) noexcept {
  pace_ = pace;
  window_left_ = pace.window;
  window_bytes_ = 0;
}

void Stream::count(std::size_t bytes) noexcept {
  moved_ += bytes;
  burst_ += bytes;
  window_bytes_ += bytes;
  if (window_bytes_ >= pace_.bytes) {
    window_left_ = pace_.window;
    window_bytes_ = 0;
  }
}

void Stream::interrupt() noexcept {
  interrupted_ = true;
  asio::error_code ignored;
  descriptor_.cancel(ignored);
}

SteadyTime Stream::wait_limit(SteadyTime now) const noexcept {
  if (window_left_ == std::chrono::nanoseconds::max()) return deadline_;
  return std::min(deadline_, now + window_left_);
}

Task<Result<void>> Stream::wait(Want want) {
  if (interrupted_) co_return std::unexpected(interrupted_error());
  burst_ = 0;
  if (want == Want::read && buffered()) co_return Result<void>();
  const bool paced = window_left_ != std::chrono::nanoseconds::max();
  const SteadyTime start = paced ? std::chrono::steady_clock::now() : SteadyTime();
  const SteadyTime limit = wait_limit(start);
  if (limit != SteadyTime::max()) arm(limit);
  const auto kind = want == Want::read ? asio::posix::descriptor_base::wait_read
                                       : asio::posix::descriptor_base::wait_write;
  asio::error_code error;
  co_await descriptor_.async_wait(kind, asio::redirect_error(use_task, error));
  disarm();
  if (interrupted_) co_return std::unexpected(interrupted_error());
  if (error) co_return std::unexpected(socket_error(EBADF));
  if (paced) {
    window_left_ -= std::min(window_left_, std::chrono::steady_clock::now() - start);
  }
  co_return Result<void>();
}

template <class Try>
Task<Result<std::size_t>> Stream::receive(Try attempt_once) {
  while (true) {
    if (burst_ >= kBurst) BUNKER_CO_TRY(co_await wait(Want::read));
    const Attempt attempt = attempt_once();
    if (attempt.status == Attempt::Status::done) {
      count(attempt.bytes);
      co_return attempt.bytes;
    }
    if (attempt.status == Attempt::Status::eof) co_return std::size_t{0};
    if (!would_block(attempt)) co_return std::unexpected(socket_error(attempt.error));
    BUNKER_CO_TRY(co_await wait(want_of(attempt)));
  }
}

Task<Result<std::size_t>> Stream::read_some(std::span<std::byte> buffer) {
  return receive([this, buffer] { return try_read(buffer); });
}

Task<Result<std::size_t>> Stream::receive_to_pipe(int pipe, std::size_t most) {
  return receive([this, pipe, most] { return try_receive_to_pipe(pipe, most); });
}

Task<Result<void>> Stream::send_from_pipe(int pipe, std::size_t left) {
  while (left > 0) {
    if (burst_ >= kBurst) BUNKER_CO_TRY(co_await wait(Want::write));
    const Attempt attempt = try_send_from_pipe(pipe, left);
    if (attempt.status == Attempt::Status::done) {
      count(attempt.bytes);
      left -= attempt.bytes;
    } else if (would_block(attempt)) {
      BUNKER_CO_TRY(co_await wait(want_of(attempt)));
    } else {
      co_return std::unexpected(socket_error(attempt.error));
    }
  }
  co_return Result<void>();
}

Task<Result<void>> Stream::write(std::span<iovec> pieces, bool more) {
  pieces = consume(pieces, 0);
  while (!pieces.empty()) {
    if (burst_ >= kBurst) BUNKER_CO_TRY(co_await wait(Want::write));
    const Attempt attempt = try_write(pieces, more);
    if (attempt.status == Attempt::Status::done) {
      count(attempt.bytes);
      pieces = consume(pieces, attempt.bytes);
    } else if (would_block(attempt)) {
      BUNKER_CO_TRY(co_await wait(want_of(attempt)));
    } else {
      co_return std::unexpected(socket_error(attempt.error));
    }
  }
  co_return Result<void>();
}

Task<Result<void>> Stream::send_file(FileRegion region) {
  while (region.length > 0) {
    if (burst_ >= kBurst) BUNKER_CO_TRY(co_await wait(Want::write));
    const auto slice = static_cast<std::size_t>(std::min<std::uint64_t>(region.length, kBurst));
    const Attempt attempt = try_send_file(region.file->fd(), region.offset, slice);
    if (attempt.status == Attempt::Status::done) {
      count(attempt.bytes);
      region.offset += attempt.bytes;
      region.length -= attempt.bytes;
    } else if (would_block(attempt)) {
      BUNKER_CO_TRY(co_await wait(want_of(attempt)));
    } else if (attempt.status == Attempt::Status::eof) {
      co_return fail(Code::data_loss, "a file became shorter while it was being sent");
    } else {
      co_return std::unexpected(socket_error(attempt.error));
    }
  }
  co_return Result<void>();
}

Task<void> Stream::linger(std::chrono::milliseconds silence, std::chrono::milliseconds limit) {
  shutdown_send();
  set_pace({});
  const SteadyTime end = std::chrono::steady_clock::now() + limit;
  while (true) {
    const ssize_t got = discard_some(fd());
    if (got > 0) {
      count(static_cast<std::size_t>(got));
      if (burst_ < kBurst) continue;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      co_return;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= end) co_return;
    set_deadline(std::min(end, now + silence));
    if (!co_await wait(Want::read)) co_return;
  }
}

void Stream::shutdown() noexcept {
  ::shutdown(fd(), SHUT_RDWR);
  interrupt();
}

void Stream::reset_on_close() noexcept {
  const ::linger abortive{1, 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &abortive, sizeof(abortive));
}

}  // namespace bunker::net
