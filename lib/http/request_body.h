// A request's body as a ByteSource over the connection. Private to lib/http.
#pragma once

#include <optional>
#include <string_view>

#include "lib/http/body_decoder.h"
#include "lib/http/request_parser.h"
#include "lib/http/server_state.h"
#include "lib/net/stream.h"
#include "lib/runtime/body.h"

namespace bunker::http {

class RequestBody final : public ByteSource {
 public:
  // `in` holds what has been received behind the head; the body takes its bytes from there and
  // leaves the next request's in it.
  RequestBody(net::Stream& stream, Worker& worker, Buffer& in) noexcept
      : stream_(stream), worker_(worker), in_(in) {}
  ~RequestBody() override { release_buffer(); }

  // Sends "100 Continue" first, where the client waits for it. Pieces are up to 256 KiB.
  Task<Result<std::span<const std::byte>>> read() override;

  void start(BodyDecoder decoder, bool expects_continue, std::uint64_t limit) noexcept;

  [[nodiscard]] bool finished() const noexcept { return decoder_.finished(); }
  [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
  // The client still waits for "100 Continue".
  [[nodiscard]] bool awaited() const noexcept { return expects_continue_; }
  [[nodiscard]] const BodyDecoder& decoder() const noexcept { return decoder_; }
  // What to answer to a body that failed; nullopt when the client has gone.
  [[nodiscard]] std::optional<Refusal> refusal() const noexcept { return refusal_; }

  // Takes what has been received already; whether the body is finished then.
  bool settle() noexcept;
  // Reads and forgets at most `limit` bytes; whether the body is finished then.
  Task<bool> drain(std::uint64_t limit);

 private:
  [[nodiscard]] Buffer& source() noexcept { return large_ ? *large_ : in_; }
  [[nodiscard]] std::span<const std::byte> take_buffered() noexcept;
  [[nodiscard]] std::span<std::byte> refill_space();
  std::unexpected<Error> broken(Error error, std::optional<Refusal> refusal);
  void release_buffer();

  net::Stream& stream_;
  Worker& worker_;
  Buffer& in_;
  std::optional<Buffer> large_;
  BodyDecoder decoder_;
  std::optional<Error> error_;
  std::optional<Refusal> refusal_;
  std::string_view malformed_;
  std::uint64_t received_ = 0;
  std::uint64_t limit_ = UINT64_MAX;
  bool expects_continue_ = false;
  bool filled_ = false;  // the last read took all the room there was
};

}  // namespace bunker::http
