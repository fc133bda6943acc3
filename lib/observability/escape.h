// Escaping of untrusted text for log lines. Private to lib/observability. Pure, thread-safe.
#pragma once

#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace bunker {

enum class Escape {
  json,    // RFC 8259: \u00XX; a byte that is not UTF-8 becomes U+FFFD
  logfmt,  // Go's %q, which readers of logfmt expect: \xXX for controls and bytes that are not
           // UTF-8
};

// Appends `text` to `out`, escaped for the inside of double quotes.
void append_escaped(fmt::basic_memory_buffer<char, 1024>& out, std::string_view text, Escape style);

// Whether `text` can stand in a logfmt line without quotes.
[[nodiscard]] bool is_bare(std::string_view text) noexcept;

}  // namespace bunker
