#include "lib/http/range.h"

#include <algorithm>

#include "lib/http/syntax.h"

namespace bunker::http {
namespace {

// One or more digits. A position that no body can have is as good as the largest one.
std::optional<std::uint64_t> parse_position(std::string_view digits) {
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  return parse_decimal(digits).value_or(UINT64_MAX);
}

// "first-last", "first-", "-suffix".
std::optional<RangeSpec> parse_spec(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view left = text.substr(0, dash);
  const std::string_view right = text.substr(dash + 1);
  RangeSpec spec;
  if (left.empty()) {
    const auto suffix = parse_position(right);
    if (!suffix) return std::nullopt;
    spec.suffix = *suffix;
    return spec;
  }
  spec.first = parse_position(left);
  if (!spec.first) return std::nullopt;
  if (right.empty()) return spec;
  spec.last = parse_position(right);
  if (!spec.last || *spec.last < *spec.first) return std::nullopt;
  return spec;
}

}  // namespace

std::optional<std::vector<RangeSpec>> parse_range(std::string_view header) {
  header = trim(header);
  const auto equals = header.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (!equals_ignore_case(header.substr(0, equals), "bytes")) return std::nullopt;
  std::vector<RangeSpec> specs;
  bool valid = true;
  for_each_element(header.substr(equals + 1), [&](std::string_view element) {
    if (!valid) return;
    const auto spec = parse_spec(element);
    valid = spec.has_value() && specs.size() < kMostRanges;
    if (valid) specs.push_back(*spec);
  });
  if (!valid || specs.empty()) return std::nullopt;
  return specs;
}

std::vector<ByteSpan> resolve(const std::vector<RangeSpec>& specs, std::uint64_t size) {
  std::vector<ByteSpan> spans;
  for (const RangeSpec& spec : specs) {
    if (!spec.first) {
      const std::uint64_t length = std::min(spec.suffix, size);
      if (length > 0) spans.push_back({size - length, length});
    } else if (*spec.first < size) {
      const std::uint64_t last = std::min(spec.last.value_or(size - 1), size - 1);
      spans.push_back({*spec.first, last - *spec.first + 1});
    }
  }
  return spans;
}

}  // namespace bunker::http
