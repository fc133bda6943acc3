#include "lib/http/request_body.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace bunker::http {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

std::unexpected<Error> RequestBody::broken(Error error, std::optional<Refusal> refusal) {
  error_ = std::move(error);
  refusal_ = refusal;
  return std::unexpected(*error_);
}

Task<Result<std::span<const std::byte>>> RequestBody::read() {
  if (error_) co_return std::unexpected(*error_);
  while (true) {
    const auto piece = reader_.take();
    if (!reader_.malformed().empty()) {
      const std::string_view why = reader_.malformed();
      co_return broken({Code::invalid, "the request's body is malformed", std::string(why)},
                       Refusal{400, why});
    }
    received_ += piece.size();
    if (received_ > limit_) {
      co_return broken({Code::too_large, "the request's body is too large"},
                       Refusal{413, "the request's body is too large"});
    }
    if (!piece.empty()) co_return piece;
    if (reader_.finished()) {
      reader_.release();
      co_return std::span<const std::byte>();
    }
    if (auto received = co_await receive(); !received) {
      if (received.error().code == Code::retry_later) {
        co_return broken(std::move(received).error(),
                         Refusal{408, "the request's body did not arrive in time"});
      }
      co_return broken(std::move(received).error(), std::nullopt);
    }
  }
}

Task<std::size_t> RequestBody::read_into(std::span<std::byte> room) {
  // What is over the limit is for read() to refuse.
  const std::uint64_t allowed = limit_ - received_;
  if (error_ || expects_continue_ || allowed == 0) co_return std::size_t{0};
  const std::size_t got =
      co_await reader_.receive_into(room.first(std::min<std::uint64_t>(allowed, room.size())));
  received_ += got;
  co_return got;
}

Task<Result<void>> RequestBody::receive() {
  if (expects_continue_) {
    expects_continue_ = false;
    std::array<iovec, 1> pieces{iovec{const_cast<char*>(kContinue.data()), kContinue.size()}};
    BUNKER_CO_TRY(co_await stream_.write(pieces));
  }
  co_return co_await reader_.refill();
}

bool RequestBody::drainable(std::uint64_t limit) noexcept {
  if (!finished()) static_cast<void>(reader_.take());
  if (finished()) return true;
  const BodyDecoder& decoder = reader_.decoder();
  return !expects_continue_ && decoder.framing() == BodyDecoder::Framing::length &&
         decoder.remaining() <= limit;
}

Task<bool> RequestBody::drain(std::uint64_t limit) {
  while (!finished()) {
    const auto piece = co_await read();
    if (!piece || piece->size() > limit) co_return false;
    limit -= piece->size();
  }
  reader_.release();
  co_return true;
}

}  // namespace bunker::http
