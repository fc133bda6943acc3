#include "lib/http/request_body.h"

#include <array>
#include <cstring>

namespace bunker::http {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void RequestBody::start(BodyDecoder decoder, bool expects_continue, std::uint64_t limit) noexcept {
  release_buffer();
  decoder_ = decoder;
  error_.reset();
  refusal_.reset();
  malformed_ = {};
  received_ = 0;
  limit_ = limit;
  expects_continue_ = expects_continue && !decoder.finished();
  filled_ = false;
}

std::unexpected<Error> RequestBody::broken(Error error, std::optional<Refusal> refusal) {
  error_ = std::move(error);
  refusal_ = refusal;
  return std::unexpected(*error_);
}

Task<Result<std::span<const std::byte>>> RequestBody::read() {
  if (error_) co_return std::unexpected(*error_);
  while (true) {
    const auto piece = take_buffered();
    if (!malformed_.empty()) {
      co_return broken({Code::invalid, "the request's body is malformed", std::string(malformed_)},
                       Refusal{400, malformed_});
    }
    received_ += piece.size();
    if (received_ > limit_) {
      co_return broken({Code::too_large, "the request's body is too large"},
                       Refusal{413, "the request's body is too large"});
    }
    if (!piece.empty()) co_return piece;
    if (decoder_.finished()) {
      release_buffer();
      co_return std::span<const std::byte>();
    }
    if (expects_continue_) {
      expects_continue_ = false;
      std::array<iovec, 1> pieces{iovec{const_cast<char*>(kContinue.data()), kContinue.size()}};
      auto sent = co_await stream_.write(pieces);
      if (!sent) co_return broken(std::move(sent).error(), std::nullopt);
    }
    const auto space = refill_space();
    const auto got = co_await stream_.read_some(space);
    if (!got && got.error().code == Code::retry_later) {
      co_return broken({Code::retry_later, "the client stopped sending the request's body"},
                       Refusal{408, "the request's body did not arrive in time"});
    }
    if (!got) co_return broken(got.error(), std::nullopt);
    if (*got == 0) {
      co_return broken({Code::cancelled, "the client left in the middle of the request's body"},
                       std::nullopt);
    }
    source().end += *got;
    filled_ = *got == space.size();
  }
}

// The body bytes at hand as one run. Chunks are moved together over their framing, so that a
// client's tiny chunks do not become tiny pieces.
std::span<const std::byte> RequestBody::take_buffered() noexcept {
  Buffer& buffer = source();
  std::byte* const start = buffer.data.get() + buffer.begin;
  std::byte* run = start;
  while (!buffer.empty() && !decoder_.finished() && malformed_.empty()) {
    const auto piece = decoder_.decode(buffer.bytes());
    malformed_ = piece.error;
    if (!piece.data.empty()) {
      if (run != piece.data.data()) std::memmove(run, piece.data.data(), piece.data.size());
      run += piece.data.size();
    }
    buffer.begin += piece.consumed;
  }
  return {start, run};
}

// Where to receive next. Small bodies stay in the head's buffer; never more than a known length is
// read, so that the next request's bytes stay in the socket.
std::span<std::byte> RequestBody::refill_space() {
  const bool sized = decoder_.framing() == BodyDecoder::Framing::length;
  const bool large = sized ? decoder_.remaining() > kHeadBuffer : filled_;
  if (large && !large_) large_ = worker_.take_body_buffer();
  Buffer& buffer = source();
  auto space = buffer.room();
  if (sized && space.size() > decoder_.remaining()) {
    space = space.first(static_cast<std::size_t>(decoder_.remaining()));
  }
  return space;
}

void RequestBody::release_buffer() {
  if (!large_) return;
  in_.append(large_->bytes());  // a pipelined request behind a chunked body
  worker_.give_back(std::move(*large_));
  large_.reset();
}

bool RequestBody::settle() noexcept {
  if (!finished()) static_cast<void>(take_buffered());
  return finished();
}

Task<bool> RequestBody::drain(std::uint64_t limit) {
  while (!finished()) {
    const auto piece = co_await read();
    if (!piece || piece->size() > limit) co_return false;
    limit -= piece->size();
  }
  release_buffer();
  co_return true;
}

}  // namespace bunker::http
