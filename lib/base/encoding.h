// Text forms of bytes: hex, base64, base64url, percent-encoding, RFC 3339 time. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"

namespace bunker {

[[nodiscard]] std::string hex_encode(std::string_view bytes);                // lower case
[[nodiscard]] std::optional<std::string> hex_decode(std::string_view text);  // either case
[[nodiscard]] std::string base64_encode(std::string_view bytes);             // RFC 4648 §4, padded
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);  // padded, strict
[[nodiscard]] std::string base64url_encode(std::string_view bytes);             // §5, no padding
[[nodiscard]] std::optional<std::string> base64url_decode(
    std::string_view text);  // padding optional

// Percent-encodes all but RFC 3986 unreserved characters (and '/' where keep_slash).
[[nodiscard]] std::string percent_encode(std::string_view text, bool keep_slash = false);
// nullopt where a '%' is not followed by two hex digits. '+' is left alone.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

// "2026-11-24T08:00:00Z": UTC, whole seconds.
[[nodiscard]] std::string format_rfc3339(SystemTime time);
// Accepts fractions and numeric offsets; nullopt when it is not a time, or not one of the years
// 1678 to 2261 that SystemTime can hold.
[[nodiscard]] std::optional<SystemTime> parse_rfc3339(std::string_view text);

}  // namespace bunker
