// Finds a message body's bytes between its framing (RFC 9112 §6, §7.1): a known length, chunks, or
// everything until the peer closes. Bytes in, spans of the same bytes out; no sockets, no copies.
// Strict: lines end with CR LF, sizes are plain hex, extensions and trailers are bounded and
// ignored. The outcome does not depend on how the bytes are cut into pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bunker::http {

class BodyDecoder {
 public:
  enum class Framing : unsigned char { length, chunked, until_close };

  struct Piece {
    std::size_t consumed = 0;         // bytes of the input that are done with
    std::span<const std::byte> data;  // body bytes among them; may be empty
    std::string_view error;           // not empty: malformed, and why (static text)
  };

  BodyDecoder() = default;  // a body of no bytes
  static BodyDecoder with_length(std::uint64_t length) noexcept;
  static BodyDecoder chunked() noexcept;
  static BodyDecoder until_close() noexcept;

  // Takes input up to the end of one run of body bytes, or all of it. After an error, or once
  // finished(), takes nothing.
  [[nodiscard]] Piece decode(std::span<const std::byte> input) noexcept;

  // Takes `count` bytes of a body of known length that did not come through decode(): no more than
  // remaining().
  void skip(std::uint64_t count) noexcept;

  // The peer has sent its last byte. Whether the body is complete with that.
  bool end_of_input() noexcept;

  // The body is complete.
  [[nodiscard]] bool finished() const noexcept { return state_ == State::end; }
  [[nodiscard]] Framing framing() const noexcept { return framing_; }
  // Body bytes that are still to come in this run: with a known length, all of them.
  [[nodiscard]] std::uint64_t remaining() const noexcept { return remaining_; }

 private:
  enum class State : unsigned char {
    size_first,  // the first digit of a chunk's size
    size,        // its other digits
    extension,   // behind them, up to CR
    size_lf,     // the LF of that line
    data,
    data_cr,  // behind a chunk's data
    data_lf,
    trailer_first,  // the first byte of a trailer line
    trailer,
    trailer_lf,
    final_lf,  // the LF of the empty line
    end,
    broken,
  };

  // Takes one byte of framing. Returns an error's text, or nothing.
  std::string_view step(unsigned char c) noexcept;
  std::string_view step_size(unsigned char c) noexcept;
  std::string_view step_line_end(unsigned char c) noexcept;
  std::string_view step_trailer(unsigned char c) noexcept;

  Framing framing_ = Framing::length;
  State state_ = State::end;
  std::uint64_t remaining_ = 0;
  unsigned digits_ = 0;
  std::size_t overhead_ = 0;  // bytes of extensions and trailers so far
};

}  // namespace bunker::http
