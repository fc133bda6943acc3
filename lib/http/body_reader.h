// A message's body on its way from a stream, for both sides. Private to lib/http.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "lib/base/result.h"
#include "lib/http/body_decoder.h"
#include "lib/http/buffer.h"
#include "lib/net/stream.h"
#include "lib/runtime/task.h"

namespace bunker::http {

class BodyReader {
 public:
  // `in` holds what has been received behind the head; the body takes its bytes from there and
  // leaves those of the next message in it. All three outlive the reader.
  BodyReader(net::Stream& stream, Buffer& in, BodyBuffers& buffers, BodyDecoder decoder) noexcept
      : stream_(stream), in_(in), buffers_(buffers), decoder_(decoder) {}
  ~BodyReader() { release(); }
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  // The body bytes that have been received, as one run of up to 256 KiB, valid until the next
  // refill(). Chunks are moved together over their framing, so that a peer's tiny chunks do not
  // become tiny pieces.
  [[nodiscard]] std::span<const std::byte> take() noexcept;

  // Receives more, once take() gave nothing and the body is neither finished nor malformed.
  // cancelled: the peer has gone in the middle; retry_later: it was too slow.
  Task<Result<void>> refill();

  // As ByteSource::read_to_pipe(): moves bytes that are still to be received, where the body's
  // length is known and it is worth it.
  Task<std::size_t> receive_to_pipe(int pipe, std::size_t most);

  // As ByteSource::read_into(), under the same conditions.
  Task<std::size_t> receive_into(std::span<std::byte> room);

  [[nodiscard]] bool finished() const noexcept { return decoder_.finished(); }
  // Why the body's framing is malformed; empty: it is not.
  [[nodiscard]] std::string_view malformed() const noexcept { return malformed_; }
  [[nodiscard]] const BodyDecoder& decoder() const noexcept { return decoder_; }

  // Lets go of the large buffer; what take() gave is invalid then.
  void release();

 private:
  // Whether bytes that are still to be received may be moved past this, and it is worth it.
  [[nodiscard]] bool passable() noexcept;
  [[nodiscard]] Buffer& source() noexcept { return large_ ? *large_ : in_; }
  [[nodiscard]] std::span<std::byte> space();

  net::Stream& stream_;
  Buffer& in_;
  BodyBuffers& buffers_;
  BodyDecoder decoder_;
  std::optional<Buffer> large_;
  std::string_view malformed_;
  bool filled_ = false;  // the last read took all the room there was
};

}  // namespace bunker::http
