#include "lib/http/body_decoder.h"

#include <algorithm>

#include "lib/http/syntax.h"

namespace bunker::http {
namespace {

constexpr unsigned kSizeDigits = 15;               // < 2^60
constexpr std::size_t kOverheadBytes = 16 * 1024;  // extensions and trailers of one body

bool is_text(unsigned char c) noexcept {
  const char byte = static_cast<char>(c);
  return is_field_value({&byte, 1});
}

}  // namespace

BodyDecoder BodyDecoder::with_length(std::uint64_t length) noexcept {
  BodyDecoder decoder;
  decoder.remaining_ = length;
  if (length > 0) decoder.state_ = State::data;
  return decoder;
}

BodyDecoder BodyDecoder::chunked() noexcept {
  BodyDecoder decoder;
  decoder.framing_ = Framing::chunked;
  decoder.state_ = State::size_first;
  return decoder;
}

BodyDecoder BodyDecoder::until_close() noexcept {
  BodyDecoder decoder;
  decoder.framing_ = Framing::until_close;
  decoder.remaining_ = UINT64_MAX;
  decoder.state_ = State::data;
  return decoder;
}

BodyDecoder::Piece BodyDecoder::decode(std::span<const std::byte> input) noexcept {
  Piece piece;
  while (piece.consumed < input.size() && state_ != State::end && state_ != State::broken) {
    if (state_ == State::data) {
      const auto rest = input.subspan(piece.consumed);
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), remaining_));
      piece.data = rest.first(count);
      piece.consumed += count;
      if (framing_ == Framing::until_close) return piece;
      remaining_ -= count;
      if (remaining_ == 0) state_ = framing_ == Framing::chunked ? State::data_cr : State::end;
      return piece;
    }
    piece.error = step(static_cast<unsigned char>(input[piece.consumed]));
    ++piece.consumed;
    if (!piece.error.empty()) state_ = State::broken;
  }
  return piece;
}

void BodyDecoder::skip(std::uint64_t count) noexcept {
  remaining_ -= count;
  if (remaining_ == 0) state_ = State::end;
}

bool BodyDecoder::end_of_input() noexcept {
  if (framing_ == Framing::until_close && state_ == State::data) state_ = State::end;
  return finished();
}

std::string_view BodyDecoder::step(unsigned char c) noexcept {
  switch (state_) {
    case State::size_first:
    case State::size:
    case State::extension:
      return step_size(c);
    case State::size_lf:
    case State::data_cr:
    case State::data_lf:
    case State::trailer_lf:
    case State::final_lf:
      return step_line_end(c);
    default:
      return step_trailer(c);
  }
}

std::string_view BodyDecoder::step_size(unsigned char c) noexcept {
  if (state_ == State::extension) {
    if (c == '\r') {
      state_ = State::size_lf;
      return {};
    }
    if (!is_text(c)) return "a chunk extension has a control character";
    return ++overhead_ > kOverheadBytes ? "the chunk extensions are too long" : "";
  }
  const int digit = hex_value(static_cast<char>(c));
  if (digit >= 0) {
    if (state_ == State::size_first) {
      remaining_ = 0;
      digits_ = 0;
      state_ = State::size;
    }
    if (++digits_ > kSizeDigits) return "a chunk size is too large";
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    return {};
  }
  if (state_ == State::size && (c == '\r' || c == ';')) {
    state_ = c == '\r' ? State::size_lf : State::extension;
    return {};
  }
  return "a chunk size is not a hexadecimal number";
}

std::string_view BodyDecoder::step_line_end(unsigned char c) noexcept {
  if (c != (state_ == State::data_cr ? '\r' : '\n')) return "a chunk does not end with CR LF";
  switch (state_) {
    case State::size_lf:
      state_ = remaining_ > 0 ? State::data : State::trailer_first;
      break;
    case State::data_cr:
      state_ = State::data_lf;
      break;
    case State::data_lf:
      state_ = State::size_first;
      break;
    case State::trailer_lf:
      state_ = State::trailer_first;
      break;
    default:
      state_ = State::end;
      break;
  }
  return {};
}

std::string_view BodyDecoder::step_trailer(unsigned char c) noexcept {
  if (c == '\r') {
    state_ = state_ == State::trailer_first ? State::final_lf : State::trailer_lf;
    return {};
  }
  if (!is_text(c)) return "a trailer field has a control character";
  state_ = State::trailer;
  return ++overhead_ > kOverheadBytes ? "the trailer fields are too long" : "";
}

}  // namespace bunker::http
