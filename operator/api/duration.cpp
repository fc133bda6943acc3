#include "operator/api/duration.h"

#include <charconv>
#include <utility>

namespace bunker::v1alpha1 {
namespace {

constexpr double kMostMilliseconds = 250.0 * 365 * 24 * 3600 * 1000;

// Takes the unit from the front of `text`; 0: none there. In milliseconds.
double take_unit(std::string_view& text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 36e5}};
  for (const auto& [name, milliseconds] : kUnits) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return milliseconds;
  }
  return 0;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    const std::size_t digits = text.find_first_not_of("0123456789.");
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + std::min(digits, text.size()), number);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const double unit = take_unit(text);
    if (unit == 0) return std::nullopt;
    sum += number * unit;
  }
  if (sum > kMostMilliseconds) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(sum));
}

std::chrono::milliseconds duration_of(std::string_view checked) {
  return parse_duration(checked).value_or(
      std::chrono::milliseconds(static_cast<std::int64_t>(kMostMilliseconds)));
}

}  // namespace bunker::v1alpha1
