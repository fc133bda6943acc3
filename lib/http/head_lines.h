// The lines of a message's head (RFC 9112 §2.2, §5), for the request and the response parser:
// bytes in, lines without their CR LF out. Private to lib/http.
#pragma once

#include <cstddef>
#include <string_view>

namespace bunker::http {

struct HeadLimits {
  std::size_t bytes = 64 * 1024;  // first line and fields together
  std::size_t count = 128;        // fields
};

class HeadLines {
 public:
  enum class Found : unsigned char { line, need_more, too_long, malformed };

  // The next line of `input`, which is everything received, from the same first byte in every
  // call. too_long: the line is not complete within `limit` bytes of input. malformed: it does
  // not end with CR LF.
  Found next(std::string_view input, std::size_t limit, std::string_view& line) noexcept;

  // Bytes of the lines so far.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

 private:
  std::size_t position_ = 0;  // start of the first line that has not been found yet
  std::size_t scanned_ = 0;   // no line feed in [position_, scanned_)
};

struct FieldLine {
  std::string_view name;
  std::string_view value;
  std::string_view error;  // not empty: malformed, and why (static text)
};

// "Name: value".
[[nodiscard]] FieldLine split_field(std::string_view line) noexcept;

}  // namespace bunker::http
