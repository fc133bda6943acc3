// Structured logs: a stable message and key=value fields, as text, JSON or logstash, one line each
// on standard error. spdlog stops here. No secret is ever passed as a field.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace bunker {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { text, json, logstash };

struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <class Int>
    requires(std::is_integral_v<Int> && !std::is_same_v<Int, bool>)
  LogField(std::string_view k, Int v) : key(k) {
    if constexpr (std::is_signed_v<Int>) {
      value = static_cast<std::int64_t>(v);
    } else {
      value = static_cast<std::uint64_t>(v);
    }
  }
};

// Thread-safe. A call formats its line and leaves the writing to one thread, so that a slow reader
// of the log stalls nobody: at worst lines are dropped, and the log says how many. Lines are in the
// log within 5 ms, warnings and errors at once, and all of them when the Logger is destroyed.
class Logger {
 public:
  struct Options {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;
    std::vector<std::pair<std::string, std::string>> fields;  // added to every line
    // Where lines go: a file descriptor that stays open; 2 is standard error.
    int fd = 2;
  };

  explicit Logger(Options options);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  [[nodiscard]] bool enabled(LogLevel level) const noexcept;
  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::error, message, fields);
  }

  // Lines that were dropped since the start.
  [[nodiscard]] std::uint64_t dropped_lines() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker
