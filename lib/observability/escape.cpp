#include "lib/observability/escape.h"

#include <array>

#include "lib/base/utf8.h"

namespace bunker {
namespace {

using Buffer = fmt::basic_memory_buffer<char, 1024>;

constexpr std::string_view kHex = "0123456789abcdef";

// Characters that need no look at all: printable ASCII other than '"' and '\'.
constexpr auto kPlain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

constexpr auto kBare = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 256; ++c) {
    table[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == '/' || c == '@' || c == '^' || c == '+' ||
               c == ':';
  }
  return table;
}();

bool plain(char c) {
  return kPlain[static_cast<unsigned char>(c)];
}

void append(Buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

void append_byte(Buffer& out, std::string_view prefix, unsigned char byte) {
  append(out, prefix);
  out.push_back(kHex[byte >> 4]);
  out.push_back(kHex[byte & 15]);
}

void append_unit(Buffer& out, char32_t unit) {
  append_byte(out, "\\u", static_cast<unsigned char>(unit >> 8));
  append_byte(out, "", static_cast<unsigned char>(unit & 0xff));
}

// C1 controls, line and paragraph separators, and what changes the direction of text.
bool must_escape(char32_t c) {
  return (c >= 0x80 && c <= 0x9f) || c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void append_ascii(Buffer& out, char c, Escape style) {
  switch (c) {
    case '"':
      return append(out, "\\\"");
    case '\\':
      return append(out, "\\\\");
    case '\n':
      return append(out, "\\n");
    case '\r':
      return append(out, "\\r");
    case '\t':
      return append(out, "\\t");
    default:
      append_byte(out, style == Escape::json ? "\\u00" : "\\x", static_cast<unsigned char>(c));
  }
}

}  // namespace

void append_escaped(Buffer& out, std::string_view text, Escape style) {
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain(text[run])) ++run;
    append(out, text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) return;

    char32_t code_point = 0;
    const std::size_t length = decode_utf8(text, code_point);
    if (length == 1) {
      append_ascii(out, text.front(), style);
    } else if (length == 0 && style == Escape::json) {
      append(out, "\\ufffd");
    } else if (length == 0) {
      append_byte(out, "\\x", static_cast<unsigned char>(text.front()));
    } else if (must_escape(code_point)) {
      append_unit(out, code_point);
    } else {
      append(out, text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

bool is_bare(std::string_view text) noexcept {
  for (const char c : text) {
    if (!kBare[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

}  // namespace bunker
