#include "lib/net/tcp_stream.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

namespace bunker::net {
namespace {

constexpr unsigned kSplice = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

// Turns a system call's result into an Attempt; `call` is repeated when a signal came between.
template <class Call>
Attempt attempt(Call call, Attempt::Status blocked) noexcept {
  ssize_t count = 0;
  do {
    count = call();
  } while (count < 0 && errno == EINTR);
  if (count > 0) return Attempt::done(static_cast<std::size_t>(count));
  if (count == 0) return {Attempt::Status::eof, 0, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {blocked, 0, 0};
  return Attempt::failed(errno);
}

}  // namespace

Attempt TcpStream::try_read(std::span<std::byte> buffer) noexcept {
  return attempt([&] { return ::recv(fd(), buffer.data(), buffer.size(), 0); },
                 Attempt::Status::want_read);
}

Attempt TcpStream::try_write(std::span<const iovec> pieces, bool more) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg only reads it
  message.msg_iovlen = std::min<std::size_t>(pieces.size(), IOV_MAX);
  const int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  return attempt([&] { return ::sendmsg(fd(), &message, flags); }, Attempt::Status::want_write);
}

Attempt TcpStream::try_send_file(int file, std::uint64_t offset, std::size_t count) noexcept {
  auto position = static_cast<off_t>(offset);
  return attempt([&] { return ::sendfile(fd(), file, &position, count); },
                 Attempt::Status::want_write);
}

Attempt TcpStream::try_receive_to_pipe(int pipe, std::size_t most) noexcept {
  return attempt([&] { return ::splice(fd(), nullptr, pipe, nullptr, most, kSplice); },
                 Attempt::Status::want_read);
}

Attempt TcpStream::try_send_from_pipe(int pipe, std::size_t count) noexcept {
  return attempt([&] { return ::splice(pipe, nullptr, fd(), nullptr, count, kSplice); },
                 Attempt::Status::want_write);
}

}  // namespace bunker::net
