// A strict HTTP/1.x response head parser (RFC 9112 §4-§6), the client's counterpart of
// RequestParser: bytes in, a head or an error out; no sockets. The outcome does not depend on how
// the bytes are cut into pieces.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/http/body_decoder.h"
#include "lib/http/head_lines.h"
#include "lib/http/message.h"

namespace bunker::http {

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  Headers headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
};

class ResponseParser {
 public:
  enum class Status : unsigned char { need_more, done, malformed };

  explicit ResponseParser(HeadLimits limits) : limits_(limits) {}

  // Parses on. `input` is everything received, from the same first byte in every call; `head` is
  // the same in every call. done: the head is input[0, consumed()). malformed: see error().
  Status parse(std::string_view input, ResponseHead& head);

  [[nodiscard]] std::size_t consumed() const noexcept { return lines_.position(); }
  [[nodiscard]] std::string_view error() const noexcept { return error_; }  // static text

 private:
  bool refuse(std::string_view error) noexcept;
  bool parse_status_line(std::string_view line, ResponseHead& head);
  bool parse_field(std::string_view line, ResponseHead& head);
  bool note_content_length(std::string_view value, ResponseHead& head);
  bool finish(ResponseHead& head);

  HeadLimits limits_;
  HeadLines lines_;
  std::size_t count_ = 0;
  std::string_view error_;
  bool has_status_ = false;
  bool connection_close_ = false;
  bool connection_keep_alive_ = false;
};

// How the body behind `head` is framed (RFC 9112 §6.3). `to_head`: the request was a HEAD.
[[nodiscard]] BodyDecoder response_body(const ResponseHead& head, bool to_head) noexcept;

}  // namespace bunker::http
