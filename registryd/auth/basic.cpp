#include "registryd/auth/basic.h"

#include <algorithm>

#include "lib/base/encoding.h"
#include "lib/base/utf8.h"

namespace bunker::auth {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool has_scheme(std::string_view header, std::string_view lower_case_scheme) {
  return header.size() > lower_case_scheme.size() && header[lower_case_scheme.size()] == ' ' &&
         std::ranges::equal(header.substr(0, lower_case_scheme.size()), lower_case_scheme,
                            [](char c, char scheme) { return (c | 0x20) == scheme; });
}

// What follows the scheme, decoded; nullopt for another scheme and for base64 that is not strict.
std::optional<std::string> decode(std::string_view header) {
  constexpr std::string_view kScheme = "basic";
  if (!has_scheme(header, kScheme)) return std::nullopt;
  header.remove_prefix(std::min(header.find_first_not_of(' ', kScheme.size()), header.size()));
  return base64_decode(header);
}

}  // namespace

bool is_empty_basic(std::string_view header) {
  return decode(header) == ":";
}

std::optional<Credentials> parse_basic(std::string_view header) {
  const std::optional<std::string> text = decode(header);
  if (!text || std::ranges::any_of(*text, is_control) || !is_utf8(*text)) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  return Credentials{.user = text->substr(0, colon), .password = text->substr(colon + 1)};
}

std::string basic_challenge(std::string_view realm) {
  std::string out = "Basic realm=\"";
  for (const char c : realm) {
    if (c == '"' || c == '\\') out += '\\';
    out += is_control(c) ? ' ' : c;
  }
  out += '"';
  return out;
}

}  // namespace bunker::auth
