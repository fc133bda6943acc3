// UTF-8 (RFC 3629): shortest form only, no surrogates, up to U+10FFFF. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace bunker {

// The length in bytes of the sequence that `text` begins with, and its code point; 0 when `text` is
// empty or does not begin with one.
[[nodiscard]] std::size_t decode_utf8(std::string_view text, char32_t& code_point) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace bunker
