#include "lib/base/utf8.h"

#include <array>
#include <cstdint>

namespace bunker {

std::size_t decode_utf8(std::string_view text, char32_t& code_point) noexcept {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) {
    code_point = lead;
    return 1;
  }
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  char32_t value = lead & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    value = value << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    return 0;
  }
  code_point = value;
  return length;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    char32_t ignored = 0;
    const std::size_t length = decode_utf8(text, ignored);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace bunker
