#include "lib/http/accept.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "lib/http/syntax.h"

namespace bunker::http {
namespace {

// Cuts `text` at the first `separator` outside of quoted strings: what is before it is returned,
// what is behind it stays.
std::string_view cut(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size() && (quoted || text[end] != separator); ++end) {
    if (text[end] == '"') quoted = !quoted;
    if (text[end] == '\\' && quoted) ++end;
  }
  end = std::min(end, text.size());
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(std::min(text.size(), end + 1));
  return trim(head);
}

// "0", "0.5", "1.000" (§12.4.2).
std::optional<double> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  double value = text[0] - '0';
  double unit = 1;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (!is_digit(c)) return std::nullopt;
    unit /= 10;
    value += (c - '0') * unit;
  }
  return value <= 1 ? std::optional(value) : std::nullopt;
}

// 3: the very type; 2: "type/*"; 1: "*/*"; 0: another one.
int specificity(std::string_view range, std::string_view media_type) {
  if (range == "*/*") return 1;
  if (range.ends_with("/*")) {
    const std::string_view prefix = range.substr(0, range.size() - 1);
    return equals_ignore_case(media_type.substr(0, prefix.size()), prefix) ? 2 : 0;
  }
  return equals_ignore_case(range, media_type) ? 3 : 0;
}

}  // namespace

double quality(std::string_view accept, std::string_view media_type) {
  if (trim(accept).empty()) return 1;
  std::pair<int, double> best{0, 0};
  while (!accept.empty()) {
    std::string_view element = cut(accept, ',');
    const int match = specificity(cut(element, ';'), media_type);
    std::optional<double> weight = 1;
    while (!element.empty()) {
      std::string_view parameter = cut(element, ';');
      const std::string_view name = cut(parameter, '=');
      if (equals_ignore_case(name, "q")) weight = parse_weight(parameter);
    }
    if (match > 0 && weight) best = std::max(best, std::pair(match, *weight));
  }
  return best.second;
}

}  // namespace bunker::http
