// Single values of a configuration as Go's yaml and time packages read them, and text forms for
// messages. Pure; any thread. Internal to bunker::config.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "registryd/config/config.h"

namespace bunker::config {

// YAML 1.1's words: true, yes, on, y and their opposites, in lower case, Capital or CAPITALS.
[[nodiscard]] std::optional<bool> parse_flag(std::string_view text);

// Go's integer literals: 10, -1, 0x1F, 0o17, 017, 0b101, 1_000. nullopt also when out of 64 bits.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

struct ParsedDuration {
  Duration value{0};
  bool has_unit = false;
};
// time.ParseDuration ("1h30m", "1.5s", "300ms", "-1s"), and a bare integer as nanoseconds.
[[nodiscard]] std::optional<ParsedDuration> parse_duration(std::string_view text);

// An integer of bytes >= 0, optionally with KiB, MiB, GiB (1024) or kB, MB, GB (1000).
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

// "168h", "1m30s", "300ms": parse_duration reads it back exactly.
[[nodiscard]] std::string format_duration(Duration duration);

// For messages: control characters replaced, at most 80 bytes.
[[nodiscard]] std::string printable(std::string_view text);
// The same in double quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);
// A URL with what is before the '@' of its host replaced by "***"; other texts as they are.
[[nodiscard]] std::string hide_userinfo(std::string_view text);
// A YAML double-quoted scalar that reads back to `text`, whatever it holds.
[[nodiscard]] std::string quoted_yaml(std::string_view text);

// What is wrong with a text value ("must be …"), and what to do about it.
struct Wrong {
  std::string message;
  std::string remedy;
};

// Checks of a text value: nullopt when it is fine. Never called with an empty one.
using TextCheck = std::optional<Wrong> (*)(std::string_view text);
[[nodiscard]] std::optional<Wrong> check_listen_address(std::string_view text);  // HOST:PORT, :PORT
[[nodiscard]] std::optional<Wrong> check_address(std::string_view text);         // HOST:PORT
[[nodiscard]] std::optional<Wrong> check_redis_address(std::string_view text);   // or a path
[[nodiscard]] std::optional<Wrong> check_url(std::string_view text);       // http(s)://host[:port]…
[[nodiscard]] std::optional<Wrong> check_uri(std::string_view text);       // http(s)://…
[[nodiscard]] std::optional<Wrong> check_endpoint(std::string_view text);  // a URL, or HOST[:PORT]
[[nodiscard]] std::optional<Wrong> check_prefix(std::string_view text);    // "/…/"
[[nodiscard]] std::optional<Wrong> check_path(std::string_view text);      // starts with '/'
[[nodiscard]] std::optional<Wrong> check_regex(std::string_view text);     // RE2's
[[nodiscard]] std::optional<Wrong> check_cipher_suite(std::string_view text);       // Go's names
[[nodiscard]] std::optional<Wrong> check_signing_algorithm(std::string_view text);  // JWA's names
[[nodiscard]] std::optional<Wrong> check_storage_class(std::string_view text);  // S3's, any case
[[nodiscard]] std::optional<Wrong> check_object_acl(std::string_view text);     // S3's canned ones

// Of access rules.
[[nodiscard]] std::optional<Wrong> check_identity_pattern(std::string_view text);
[[nodiscard]] std::optional<Wrong> check_repository_pattern(std::string_view text);
[[nodiscard]] std::optional<Wrong> check_tag_pattern(std::string_view text);
[[nodiscard]] std::optional<Wrong> check_action(std::string_view text);

// RFC 9110 §5.1 and §5.5.
[[nodiscard]] bool is_header_name(std::string_view name);
[[nodiscard]] bool is_header_value(std::string_view value);

}  // namespace bunker::config
