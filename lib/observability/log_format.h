// One log line as bytes: text (logfmt), JSON or logstash JSON. Private to lib/observability.
//
// Whatever a field holds, a line stays one line and a value stays inside its quotes: control
// characters, Unicode line separators, text-direction overrides and bytes that are not UTF-8 are
// escaped, so that no client can forge a line or repaint a terminal. Pure, save for a per-thread
// cache of the second's text. Thread-safe.
#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "lib/observability/log.h"

namespace bunker {

using LogBuffer = fmt::basic_memory_buffer<char, 1024>;

class LineFormatter {
 public:
  // `fields` are added to every line, behind the line's own.
  LineFormatter(LogFormat format, const std::vector<std::pair<std::string, std::string>>& fields);

  // Appends one line, its newline included, to `out`.
  void format(LogBuffer& out, std::chrono::system_clock::time_point time, LogLevel level,
              std::string_view message, std::initializer_list<LogField> fields) const;

 private:
  void format_text(LogBuffer& out, std::string_view time, LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) const;
  void format_json(LogBuffer& out, std::string_view time, LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) const;

  LogFormat format_;
  std::string constant_;  // the fields of every line, formatted
};

// "debug", "info", "warning" or "error", as distribution names them.
[[nodiscard]] std::string_view level_name(LogLevel level) noexcept;

}  // namespace bunker
