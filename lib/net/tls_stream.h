// TLS over a connected socket, on the interface of Stream: OpenSSL reads and writes the
// non-blocking socket itself, so a record is copied once and sent by one system call. For both
// sides: what kind of peer this is, and whom it trusts, is in the SSL object.
// Thread rule: as Stream. Owner: the connection's coroutine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>

#include "lib/net/stream.h"

namespace bunker::net {

struct SslDeleter {
  void operator()(SSL* ssl) const noexcept;
};
using SslHandle = std::unique_ptr<SSL, SslDeleter>;

class TlsStream final : public Stream {
 public:
  // Owns `fd`, a non-blocking connected socket. `ssl` is in connect or accept state and has no
  // socket yet. Call ignore_sigpipe() once in the process: OpenSSL's writes raise the signal.
  TlsStream(asio::io_context& context, int fd, SslHandle ssl);
  // Without TLS yet: until secure(), only waiting and shutting down work.
  TlsStream(asio::io_context& context, int fd) : Stream(context, fd) {}
  ~TlsStream() override;

  // Once, where the constructor was not given `ssl`.
  void secure(SslHandle ssl) noexcept;
  // What it was given; null before that.
  [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }

  // Must succeed before anything is read or written. forbidden: the peer's certificate is not to
  // be trusted, or missing (the detail says why); invalid: the peers do not understand each other;
  // cancelled, retry_later: as Stream::wait().
  Task<Result<void>> handshake();

  [[nodiscard]] Attempt try_read(std::span<std::byte> buffer) noexcept override;
  [[nodiscard]] Attempt try_write(std::span<const iovec> pieces, bool more) noexcept override;
  [[nodiscard]] Attempt try_send_file(int fd, std::uint64_t offset,
                                      std::size_t count) noexcept override;
  [[nodiscard]] bool buffered() const noexcept override;
  void shutdown_send() noexcept override;

 private:
  // A piece of a file that is in `scratch_`.
  struct FilePiece {
    int file = -1;
    std::uint64_t offset = 0;
    std::size_t size = 0;
    [[nodiscard]] bool holds(int wanted_file, std::uint64_t wanted) const noexcept {
      return file == wanted_file && wanted >= offset && wanted - offset < size;
    }
  };

  [[nodiscard]] Attempt attempt_of(int result) noexcept;
  // Lets what is written from now on wait for more, or sends it.
  void hold_back(bool hold) noexcept;
  [[nodiscard]] bool only_tickets_left() const noexcept;
  [[nodiscard]] Error handshake_error(int result) noexcept;

  SslHandle ssl_;
  std::vector<std::byte> scratch_;  // small pieces joined into one record, and files on their way
  FilePiece held_;
  bool holding_ = false;
  bool dry_ = true;     // what OpenSSL has read gives nothing more without the socket
  bool broken_ = true;  // nothing (more) may be asked of `ssl_`
};

}  // namespace bunker::net
