#include "lib/observability/log_format.h"

#include <cmath>
#include <ctime>
#include <iterator>
#include <limits>

#include "lib/observability/escape.h"

namespace bunker {
namespace {

void append(LogBuffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// "2026-11-24T08:00:00.123Z". Breaking down the date costs more than the rest of a short line, so
// each thread keeps the text of the second it saw last.
std::string_view timestamp(std::chrono::system_clock::time_point time) {
  struct Cache {
    std::time_t second = std::numeric_limits<std::time_t>::min();
    char text[40] = {};
    std::size_t length = 0;  // of "2026-11-24T08:00:00."
  };
  thread_local Cache cache;
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(millis);
  if (cache.second != seconds.count()) {
    cache.second = static_cast<std::time_t>(seconds.count());
    std::tm utc{};
    gmtime_r(&cache.second, &utc);
    cache.length = std::strftime(cache.text, sizeof cache.text - 8, "%Y-%m-%dT%H:%M:%S.", &utc);
  }
  const auto fraction = static_cast<unsigned>((millis - seconds).count());
  char* end = cache.text + cache.length;
  *end++ = static_cast<char>('0' + fraction / 100);
  *end++ = static_cast<char>('0' + fraction / 10 % 10);
  *end++ = static_cast<char>('0' + fraction % 10);
  *end++ = 'Z';
  return {cache.text, static_cast<std::size_t>(end - cache.text)};
}

// A field may not pass for one of the line's own: it is then called "fields.<key>", as distribution
// does.
bool reserved(std::string_view key, LogFormat format) {
  if (key == "level") return true;
  if (format == LogFormat::logstash) {
    return key == "message" || key == "@timestamp" || key == "@version" || key == "type";
  }
  return key == "msg" || key == "time";
}

void append_quoted(LogBuffer& out, std::string_view text, Escape style) {
  out.push_back('"');
  append_escaped(out, text, style);
  out.push_back('"');
}

void append_text_value(LogBuffer& out, std::string_view text) {
  if (is_bare(text)) {
    append(out, text);
  } else {
    append_quoted(out, text, Escape::logfmt);
  }
}

void append_number(LogBuffer& out, double value, LogFormat format) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else if (format == LogFormat::text) {
    append(out, std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
  } else {
    append(out, "null");  // JSON has no other way to say it
  }
}

void append_value(LogBuffer& out, const LogField& field, LogFormat format) {
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          if (format == LogFormat::text) {
            append_text_value(out, value);
          } else {
            append_quoted(out, value, Escape::json);
          }
        } else if constexpr (std::is_same_v<T, bool>) {
          append(out, value ? "true" : "false");
        } else if constexpr (std::is_same_v<T, double>) {
          append_number(out, value, format);
        } else {
          const fmt::format_int digits(value);
          out.append(digits.data(), digits.data() + digits.size());
        }
      },
      field.value);
}

// Keys are ours or the administrator's; those of the latter may hold anything.
void append_text_key(LogBuffer& out, std::string_view key) {
  for (const char c : key) {
    out.push_back(c != ':' && is_bare(std::string_view(&c, 1)) ? c : '_');
  }
}

void append_field(LogBuffer& out, const LogField& field, LogFormat format) {
  const std::string_view prefix = reserved(field.key, format) ? "fields." : "";
  if (format == LogFormat::text) {
    out.push_back(' ');
    append(out, prefix);
    append_text_key(out, field.key);
    out.push_back('=');
  } else {
    append(out, ",\"");
    append(out, prefix);
    append_escaped(out, field.key, Escape::json);
    append(out, "\":");
  }
  append_value(out, field, format);
}

}  // namespace

std::string_view level_name(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

LineFormatter::LineFormatter(LogFormat format,
                             const std::vector<std::pair<std::string, std::string>>& fields)
    : format_(format) {
  LogBuffer buffer;
  for (const auto& [key, value] : fields) append_field(buffer, LogField(key, value), format_);
  constant_.assign(buffer.data(), buffer.size());
}

void LineFormatter::format(LogBuffer& out, std::chrono::system_clock::time_point time,
                           LogLevel level, std::string_view message,
                           std::initializer_list<LogField> fields) const {
  if (format_ == LogFormat::text) {
    format_text(out, timestamp(time), level, message, fields);
  } else {
    format_json(out, timestamp(time), level, message, fields);
  }
}

void LineFormatter::format_text(LogBuffer& out, std::string_view time, LogLevel level,
                                std::string_view message,
                                std::initializer_list<LogField> fields) const {
  append(out, "time=\"");
  append(out, time);
  append(out, "\" level=");
  append(out, level_name(level));
  append(out, " msg=");
  append_text_value(out, message);
  for (const LogField& field : fields) append_field(out, field, format_);
  append(out, constant_);
  out.push_back('\n');
}

void LineFormatter::format_json(LogBuffer& out, std::string_view time, LogLevel level,
                                std::string_view message,
                                std::initializer_list<LogField> fields) const {
  const bool logstash = format_ == LogFormat::logstash;
  append(out, logstash ? R"({"@timestamp":")" : R"({"time":")");
  append(out, time);
  append(out, logstash ? R"(","@version":"1","type":"log","level":")" : R"(","level":")");
  append(out, level_name(level));
  append(out, logstash ? R"(","message":)" : R"(","msg":)");
  append_quoted(out, message, Escape::json);
  for (const LogField& field : fields) append_field(out, field, format_);
  append(out, constant_);
  append(out, "}\n");
}

}  // namespace bunker
