// Response heads and chunk frames as bytes (RFC 9112 §4, §7.1), and the rules for which framing a
// response gets. Pure; no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/http/message.h"

namespace bunker::http {

// How one response goes on the wire.
struct ResponsePlan {
  bool has_body = false;  // whether body bytes follow the head
  bool chunked = false;
  bool close = false;  // the connection ends with this response
  std::optional<std::uint64_t> content_length;
};

// `method`, `minor_version`: of the request. `close`: whether the connection is to end anyway.
[[nodiscard]] ResponsePlan plan_response(const Response& response, Method method, int minor_version,
                                         bool close);

// Appends the status line, the fields and the empty line. `date` is an IMF-fixdate. Line breaks and
// other control characters in fields become spaces: a field never ends a head early.
void append_head(std::string& out, const Response& response, const ResponsePlan& plan,
                 std::string_view date, int minor_version);

// "1a2b\r\n": in front of a chunk of `size` > 0 bytes, which "\r\n" follows.
[[nodiscard]] std::string chunk_header(std::size_t size);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// "OK"; empty for a status without a name of its own.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
[[nodiscard]] std::string format_http_date(SystemTime time);

}  // namespace bunker::http
