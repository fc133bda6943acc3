// A plain TCP or unix-socket Stream.
#pragma once

#include "lib/net/stream.h"

namespace bunker::net {

class TcpStream final : public Stream {
 public:
  using Stream::Stream;

  [[nodiscard]] Attempt try_read(std::span<std::byte> buffer) noexcept override;
  [[nodiscard]] Attempt try_write(std::span<const iovec> pieces, bool more) noexcept override;
  [[nodiscard]] Attempt try_send_file(int fd, std::uint64_t offset,
                                      std::size_t count) noexcept override;
  [[nodiscard]] bool splices() const noexcept override { return true; }
  [[nodiscard]] Attempt try_receive_to_pipe(int pipe, std::size_t most) noexcept override;
  [[nodiscard]] Attempt try_send_from_pipe(int pipe, std::size_t count) noexcept override;
};

}  // namespace bunker::net
