// Character classes and small values of HTTP's grammar (RFC 9110 §5.6, RFC 3986). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bunker::http {

namespace syntax_detail {

constexpr std::uint8_t kToken = 1;   // tchar
constexpr std::uint8_t kField = 2;   // in a field value: VCHAR, obs-text, SP, HTAB
constexpr std::uint8_t kTarget = 4;  // in a request target: visible ASCII but '#'
constexpr std::uint8_t kHost = 8;    // in a Host: reg-name, IP literal, port

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto mark = [&](std::string_view chars, std::uint8_t bits) {
    for (const char c : chars) classes[static_cast<unsigned char>(c)] |= bits;
  };
  constexpr std::string_view alphanumeric =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  mark(alphanumeric, kToken | kHost);
  mark("!#$%&'*+-.^_`|~", kToken);
  mark("-._~%!$&'()*+;=:[]", kHost);
  for (unsigned c = 0x20; c < 0x100; ++c) {
    if (c != 0x7F) classes[c] |= kField;
    if (c > 0x20 && c < 0x7F && c != '#') classes[c] |= kTarget;
  }
  classes['\t'] |= kField;
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

constexpr bool all_of(std::string_view text, std::uint8_t kind) noexcept {
  for (const char c : text) {
    if ((kClasses[static_cast<unsigned char>(c)] & kind) == 0) return false;
  }
  return true;
}

}  // namespace syntax_detail

constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && syntax_detail::all_of(text, syntax_detail::kToken);
}
constexpr bool is_field_value(std::string_view text) noexcept {
  return syntax_detail::all_of(text, syntax_detail::kField);
}
constexpr bool is_target(std::string_view text) noexcept {
  return !text.empty() && syntax_detail::all_of(text, syntax_detail::kTarget);
}
constexpr bool is_host(std::string_view text) noexcept {
  return syntax_detail::all_of(text, syntax_detail::kHost);
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
// -1: not a hex digit.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// ASCII, without case.
constexpr bool equals_ignore_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// Without spaces and tabs at both ends.
constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// One or more digits that fit; nothing else.
constexpr std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  if (text.empty() || text.size() > 20) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

// Calls `each` with every trimmed, non-empty element of a comma-separated list (no quoting).
template <class Each>
constexpr void for_each_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view element = trim(list.substr(0, comma));
    if (!element.empty()) each(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// Every '%' is followed by two hex digits.
constexpr bool is_percent_encoded(std::string_view text) noexcept {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (text.size() - at < 3 || hex_value(text[at + 1]) < 0 || hex_value(text[at + 2]) < 0) {
      return false;
    }
  }
  return true;
}

}  // namespace bunker::http
