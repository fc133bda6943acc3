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
  ~TlsStream() override;

  // Must succeed before anything is read or written. forbidden: the peer's certificate is not to
  // be trusted (the message says why); invalid: the peers do not understand each other; cancelled,
  // retry_later: as Stream::wait().
  Task<Result<void>> handshake();

  [[nodiscard]] Attempt try_read(std::span<std::byte> buffer) noexcept override;
  [[nodiscard]] Attempt try_write(std::span<const iovec> pieces, bool more) noexcept override;
  [[nodiscard]] Attempt try_send_file(int fd, std::uint64_t offset,
                                      std::size_t count) noexcept override;
  [[nodiscard]] bool buffered() const noexcept override;
  void shutdown_send() noexcept override;

 private:
  [[nodiscard]] Attempt attempt_of(int result) noexcept;
  [[nodiscard]] Error handshake_error(int result) noexcept;

  SslHandle ssl_;
  std::vector<std::byte> scratch_;  // small pieces joined into one record, and files on their way
  bool broken_ = false;             // nothing more may be asked of `ssl_`
};

}  // namespace bunker::net
