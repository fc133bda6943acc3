// Bodies for tests of what moves bytes.
#pragma once

#include <cstdint>
#include <string>

namespace bunker::http::testing {

// Bytes that differ from place to place, so that a misplaced piece shows.
inline std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

}  // namespace bunker::http::testing
