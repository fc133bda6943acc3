#include "registryd/config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace bunker::config {
namespace {

constexpr std::uint64_t kMaxMagnitude = std::uint64_t{1} << 63;  // of a negative 64-bit integer

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
// Longer names before those they start with.
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"\xC2\xB5s", 1'000},
                                         {"\xCE\xBCs", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000}}};

std::optional<std::uint64_t> parse_unsigned(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// Takes the digits at the start of `text`.
std::string_view take_digits(std::string_view& text) {
  const auto* end = std::find_if_not(text.begin(), text.end(), is_digit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

// One "1.5h" of a duration, taken from the start of `text`, in nanoseconds.
std::optional<std::uint64_t> take_term(std::string_view& text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const auto unit = std::ranges::find_if(
      kUnits, [&](const Unit& candidate) { return text.starts_with(candidate.name); });
  if (unit == kUnits.end()) return std::nullopt;
  text.remove_prefix(unit->name.size());

  const std::optional<std::uint64_t> count =
      whole.empty() ? std::optional<std::uint64_t>(0) : parse_unsigned(whole, 10);
  if (!count || *count > kMaxMagnitude / unit->nanoseconds) return std::nullopt;
  std::uint64_t value = *count * unit->nanoseconds;
  // Fifteen digits are below a nanosecond of an hour; what follows cannot change the result.
  fraction = fraction.substr(0, 15);
  if (!fraction.empty()) {
    double scale = 1;
    for (std::size_t i = 0; i < fraction.size(); ++i) scale *= 10;
    const double part = static_cast<double>(*parse_unsigned(fraction, 10)) *
                        (static_cast<double>(unit->nanoseconds) / scale);
    value += static_cast<std::uint64_t>(part);
  }
  return value <= kMaxMagnitude ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> with_sign(std::uint64_t magnitude, bool negative) {
  if (negative) {
    if (magnitude > kMaxMagnitude) return std::nullopt;
    return static_cast<std::int64_t>(-magnitude);
  }
  if (magnitude >= kMaxMagnitude) return std::nullopt;
  return static_cast<std::int64_t>(magnitude);
}

bool take_sign(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  return negative;
}

}  // namespace

std::optional<bool> parse_flag(std::string_view text) {
  static constexpr std::array<std::string_view, 11> kTrue = {
      "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"};
  static constexpr std::array<std::string_view, 11> kFalse = {
      "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != '_'; });
  std::string_view rest = digits;
  const bool negative = take_sign(rest);
  int base = 10;
  if (rest.starts_with("0x") || rest.starts_with("0X")) {
    base = 16;
  } else if (rest.starts_with("0o") || rest.starts_with("0O")) {
    base = 8;
  } else if (rest.starts_with("0b") || rest.starts_with("0B")) {
    base = 2;
  } else if (rest.size() > 1 && rest.starts_with('0')) {
    base = 8;
    rest.remove_prefix(1);
  }
  if (base != 10 && rest.size() > 1 && !is_digit(rest[1]) && rest[0] == '0') rest.remove_prefix(2);
  const std::optional<std::uint64_t> magnitude = parse_unsigned(rest, base);
  return magnitude ? with_sign(*magnitude, negative) : std::nullopt;
}

std::optional<ParsedDuration> parse_duration(std::string_view text) {
  if (const std::optional<std::int64_t> bare = parse_integer(text)) {
    return ParsedDuration{Duration(*bare), false};
  }
  const bool negative = take_sign(text);
  if (text.empty()) return std::nullopt;
  std::uint64_t total = 0;
  while (!text.empty()) {
    const std::optional<std::uint64_t> term = take_term(text);
    if (!term || *term > kMaxMagnitude - total) return std::nullopt;
    total += *term;
  }
  const std::optional<std::int64_t> value = with_sign(total, negative);
  return value ? std::optional(ParsedDuration{Duration(*value), true}) : std::nullopt;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 7> kSuffixes = {
      {{"KiB", 1u << 10},
       {"MiB", 1u << 20},
       {"GiB", 1u << 30},
       {"kB", 1'000},
       {"MB", 1'000'000},
       {"GB", 1'000'000'000},
       {"B", 1}}};
  std::uint64_t factor = 1;
  for (const auto& [suffix, value] : kSuffixes) {
    if (text.ends_with(suffix)) {
      factor = value;
      text.remove_suffix(suffix.size());
      while (text.ends_with(' ')) text.remove_suffix(1);
      break;
    }
  }
  const std::optional<std::int64_t> count = parse_integer(text);
  if (!count || *count < 0) return std::nullopt;
  const auto unsigned_count = static_cast<std::uint64_t>(*count);
  if (unsigned_count > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return unsigned_count * factor;
}

std::string format_duration(Duration duration) {
  const std::int64_t total = duration.count();
  if (total == 0) return "0s";
  std::string out = total < 0 ? "-" : "";
  auto rest = total < 0 ? -static_cast<std::uint64_t>(total) : static_cast<std::uint64_t>(total);
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend() && rest > 0; ++unit) {
    if (unit->name.size() > 2) continue;  // the two spellings of µs
    const std::uint64_t count = rest / unit->nanoseconds;
    if (count == 0) continue;
    out += std::to_string(count);
    out += unit->name;
    rest -= count * unit->nanoseconds;
  }
  return out;
}

}  // namespace bunker::config
