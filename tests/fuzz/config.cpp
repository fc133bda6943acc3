// A config.yml and its environment: whatever they hold, reading ends, explains itself in clean
// text, and what was accepted is printed in a form that reads back to the same. The input is the
// file; lines of NAME=value after a line of "%ENV" are variables.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/utf8.h"
#include "registryd/config/load.h"
#include "tests/fuzz/require.h"

namespace {

constexpr std::string_view kSeparator = "%ENV\n";

using bunker::fuzz::require;

bunker::config::Environment parse_environment(std::string_view text) {
  bunker::config::Environment environment;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t equals = std::min(line.find('='), line.size());
    environment.emplace(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return environment;
}

bool is_clean(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bunker::config;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find(kSeparator);
  const std::string_view text = input.substr(0, split);
  const Environment environment = split == std::string_view::npos
                                      ? Environment()
                                      : parse_environment(input.substr(split + kSeparator.size()));

  const Report report = check(text, "config.yml", environment);
  const std::string explained = format(report.findings);
  require(is_clean(explained) && bunker::is_utf8(explained));
  for (const Finding& finding : report.findings) {
    require(!finding.message.empty() && !finding.source.empty());
  }
  if (!report.ok()) return 0;

  const std::string printed = print(report.config);
  require(bunker::is_utf8(printed));
  const Report again = check(printed, "printed.yml", {});
  require(again.ok());
  require(print(again.config) == printed);
  return 0;
}
