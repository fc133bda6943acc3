// A strict HTTP/1.x request head parser (RFC 9112 §2-§6): bytes in, a Request or a refusal out; no
// sockets. What two parsers could read in two ways (request smuggling) is refused. The outcome
// does not depend on how the bytes are cut into pieces.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "lib/http/head_lines.h"
#include "lib/http/message.h"

namespace bunker::http {

// Why a request is refused: the status to answer with, and one sentence for the client.
struct Refusal {
  int status = 400;
  std::string_view reason;  // one sentence for the client; outlives the answer
};

class RequestParser {
 public:
  enum class Status : unsigned char { need_more, done, refused };

  explicit RequestParser(HeadLimits limits) : limits_(limits) {}

  // Starts the next request.
  void reset() noexcept;

  // Parses on. `input` is everything received since reset(), from the same first byte in every
  // call. Fills `request`, which is the same in every call and was cleared before.
  // done: the head is input[0, consumed()). refused: see refusal().
  Status parse(std::string_view input, Request& request);

  [[nodiscard]] std::size_t consumed() const noexcept { return lines_.position(); }
  [[nodiscard]] const Refusal& refusal() const noexcept { return refusal_; }

  // Gives the request up for a reason of the caller's. Returns false.
  bool refuse(int status, std::string_view reason) noexcept;

  // Valid once done:
  [[nodiscard]] bool chunked() const noexcept { return chunked_; }
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }

 private:
  enum class Stage : unsigned char { request_line, fields };

  bool parse_request_line(std::string_view line, Request& request);
  bool parse_version(std::string_view version, Request& request);
  bool parse_target(std::string_view target, Request& request);
  bool parse_absolute_target(std::string_view target, Request& request);
  bool parse_field(std::string_view line, Request& request);
  bool note_field(std::string_view name, std::string_view value, Request& request);
  bool note_content_length(std::string_view value, Request& request);
  bool note_transfer_encoding(std::string_view value);
  bool note_expect(std::string_view value);
  bool finish(Request& request);

  HeadLimits limits_;
  HeadLines lines_;
  std::size_t count_ = 0;
  Refusal refusal_;
  std::optional<std::uint64_t> length_;
  Stage stage_ = Stage::request_line;
  bool chunked_ = false;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool connection_close_ = false;
  bool connection_keep_alive_ = false;
  bool has_host_ = false;
  bool absolute_ = false;
};

}  // namespace bunker::http
