#include "lib/http/body_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bunker::http {

std::span<const std::byte> BodyReader::take() noexcept {
  Buffer& buffer = source();
  std::byte* const start = buffer.data.get() + buffer.begin;
  std::byte* run = start;
  while (!buffer.empty() && !finished() && malformed_.empty()) {
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

// Small bodies stay in the head's buffer. Never more than a known length is read, so that the next
// message's bytes stay in the socket.
std::span<std::byte> BodyReader::space() {
  const bool sized = decoder_.framing() == BodyDecoder::Framing::length;
  const bool large = sized ? decoder_.remaining() > kHeadBuffer : filled_;
  if (large && !large_) large_ = buffers_.take();
  const auto room = source().room();
  if (!sized || room.size() <= decoder_.remaining()) return room;
  return room.first(static_cast<std::size_t>(decoder_.remaining()));
}

Task<Result<void>> BodyReader::refill() {
  const auto room = space();
  BUNKER_CO_TRY_ASSIGN(const std::size_t got, co_await stream_.read_some(room));
  source().end += got;
  filled_ = got == room.size();
  if (got == 0 && !decoder_.end_of_input()) {
    co_return fail(Code::cancelled, "the peer left in the middle of a body");
  }
  co_return Result<void>();
}

bool BodyReader::passable() noexcept {
  return decoder_.framing() == BodyDecoder::Framing::length && decoder_.remaining() > kHeadBuffer &&
         source().empty();
}

Task<std::size_t> BodyReader::receive_to_pipe(int pipe, std::size_t most) {
  if (!stream_.splices() || !passable()) co_return std::size_t{0};
  const std::uint64_t left = decoder_.remaining();
  const auto got = co_await stream_.receive_to_pipe(pipe, std::min<std::uint64_t>(left, most));
  if (!got) co_return std::size_t{0};
  decoder_.skip(*got);
  co_return *got;
}

Task<std::size_t> BodyReader::receive_into(std::span<std::byte> room) {
  if (!passable()) co_return std::size_t{0};
  release();  // others need it more
  const std::uint64_t left = decoder_.remaining();
  const auto got =
      co_await stream_.read_some(room.first(std::min<std::uint64_t>(left, room.size())));
  if (!got) co_return std::size_t{0};
  decoder_.skip(*got);
  co_return *got;
}

void BodyReader::release() {
  if (!large_) return;
  in_.append(large_->bytes());  // a message that was pipelined behind a chunked body
  buffers_.give_back(std::move(*large_));
  large_.reset();
}

}  // namespace bunker::http
