// A request's body as the handler's ByteSource, with the server's manners: "100 Continue", limits,
// and what to answer when it fails. Private to lib/http.
#pragma once

#include <optional>

#include "lib/http/body_reader.h"
#include "lib/http/request_parser.h"
#include "lib/runtime/body.h"

namespace bunker::http {

class RequestBody final : public ByteSource {
 public:
  // See BodyReader. `limit`: body bytes, at most.
  RequestBody(net::Stream& stream, Buffer& in, BodyBuffers& buffers, BodyDecoder decoder,
              bool expects_continue, std::uint64_t limit) noexcept
      : stream_(stream),
        reader_(stream, in, buffers, decoder),
        limit_(limit),
        expects_continue_(expects_continue && !decoder.finished()) {}

  // Sends "100 Continue" first, where the client waits for it. Pieces are up to 256 KiB.
  Task<Result<std::span<const std::byte>>> read() override;

  Task<std::size_t> read_into(std::span<std::byte> room) override;

  [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
  // What to answer to a body that failed; nullopt when the client has gone.
  [[nodiscard]] std::optional<Refusal> refusal() const noexcept { return refusal_; }

  // Whether the body is finished, or will surely be after drain(limit).
  [[nodiscard]] bool drainable(std::uint64_t limit) noexcept;
  [[nodiscard]] bool finished() const noexcept { return reader_.finished(); }
  // Reads and forgets at most `limit` bytes; whether the body is finished then.
  Task<bool> drain(std::uint64_t limit);

 private:
  Task<Result<void>> receive();
  std::unexpected<Error> broken(Error error, std::optional<Refusal> refusal);

  net::Stream& stream_;
  BodyReader reader_;
  std::optional<Error> error_;
  std::optional<Refusal> refusal_;
  std::uint64_t received_ = 0;
  std::uint64_t limit_;
  bool expects_continue_;
};

}  // namespace bunker::http
