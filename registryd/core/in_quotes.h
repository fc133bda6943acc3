// What a client sent, made fit for an error message or a log line: quotes, printable ASCII only,
// and not too long. Internal to registryd/core. Pure.
#pragma once

#include <string>
#include <string_view>

namespace bunker::registry {

[[nodiscard]] inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 300;
  std::string out = "'";
  for (const char c : text.substr(0, kShown)) out += c >= ' ' && c <= '~' ? c : '?';
  if (text.size() > kShown) out += "...";
  return out += '\'';
}

}  // namespace bunker::registry
