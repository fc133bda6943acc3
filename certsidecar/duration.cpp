#include "certsidecar/duration.h"

#include <array>
#include <charconv>
#include <utility>

namespace bunker::certsidecar {
namespace {

using std::chrono::seconds;

constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits = {
    {{'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}}};
constexpr std::int64_t kMost = 200LL * 366 * 86'400;

std::unexpected<Error> bad(std::string_view text) {
  return fail(Code::invalid, '"' + std::string(text) + "\" is not a duration",
              "write it as 90d, 36h, 15m or 10s");
}

}  // namespace

Result<seconds> parse_duration(std::string_view text) {
  std::int64_t total = 0;
  std::string_view rest = text;
  if (rest.empty()) return bad(text);
  while (!rest.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    const auto digits = static_cast<std::size_t>(end - rest.data());
    if (error != std::errc() || count < 0 || digits == rest.size()) return bad(text);
    std::int64_t unit = 0;
    for (const auto& [letter, size] : kUnits) {
      if (letter == rest[digits]) unit = size;
    }
    if (unit == 0 || count > kMost / unit || total + count * unit > kMost) return bad(text);
    total += count * unit;
    rest.remove_prefix(digits + 1);
  }
  return seconds(total);
}

std::string format_duration(seconds duration) {
  const std::int64_t count = duration.count();
  for (const auto& [letter, size] : kUnits) {
    if (count >= 2 * size) return std::to_string(count / size) + letter;
  }
  return std::to_string(count) + 's';
}

}  // namespace bunker::certsidecar
