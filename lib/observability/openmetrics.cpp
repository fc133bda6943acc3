#include "lib/observability/openmetrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace bunker {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

// The shortest text that reads back as the same number; with ".0" where it would look like an
// integer, which is how OpenMetrics wants the bounds of buckets.
std::string float_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

void write_sample(std::string& out, std::string_view name, const ClientMetric& metric,
                  std::string_view value, std::string_view bound = {}) {
  out += name;
  if (!metric.label.empty() || !bound.empty()) {
    char separator = '{';
    for (const auto& label : metric.label) {
      out += separator;
      out += label.name;
      out += "=\"";
      out += escape(label.value);
      out += '"';
      separator = ',';
    }
    if (!bound.empty()) {
      out += separator;
      out += "le=\"";
      out += bound;
      out += '"';
    }
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

void write_histogram(std::string& out, const std::string& name, const ClientMetric& metric) {
  for (const auto& bucket : metric.histogram.bucket) {
    write_sample(out, name + "_bucket", metric, std::to_string(bucket.cumulative_count),
                 float_text(bucket.upper_bound));
  }
  write_sample(out, name + "_count", metric, std::to_string(metric.histogram.sample_count));
  write_sample(out, name + "_sum", metric, float_text(metric.histogram.sample_sum));
}

void write_family(std::string& out, const MetricFamily& family) {
  // A counter's family has no "_total": its sample does.
  std::string name = family.name;
  if (family.type == MetricType::Counter && name.ends_with(kTotal)) {
    name.resize(name.size() - kTotal.size());
  }
  const std::string_view type = family.type == MetricType::Counter     ? "counter"
                                : family.type == MetricType::Histogram ? "histogram"
                                                                       : "gauge";
  out += "# TYPE " + name + ' ';
  out += type;
  out += '\n';
  for (const std::string_view unit : {"seconds", "bytes"}) {
    if (name.ends_with(unit) && name.size() > unit.size() &&
        name[name.size() - unit.size() - 1] == '_') {
      out += "# UNIT " + name + ' ';
      out += unit;
      out += '\n';
    }
  }
  out += "# HELP " + name + ' ' + escape(family.help) + '\n';
  for (const ClientMetric& metric : family.metric) {
    if (family.type == MetricType::Histogram) {
      write_histogram(out, name, metric);
    } else if (family.type == MetricType::Counter) {
      write_sample(out, name + "_total", metric, float_text(metric.counter.value));
    } else {
      write_sample(out, name, metric, float_text(metric.gauge.value));
    }
  }
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Cuts the part before `separator` off `rest`.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim(part);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

struct MediaRange {
  std::string_view type;
  std::string_view version;  // empty: any
  double quality = 1;
};

MediaRange parse_media_range(std::string_view text) {
  MediaRange range;
  range.type = next_part(text, ';');
  while (!text.empty()) {
    std::string_view value = next_part(text, ';');
    const std::string_view name = next_part(value, '=');
    if (equals_ignoring_case(name, "version")) {
      range.version = value;
    } else if (equals_ignoring_case(name, "q")) {
      double quality = 0;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), quality);
      range.quality = parsed.ec == std::errc{} ? std::clamp(quality, 0.0, 1.0) : 0;
    }
  }
  return range;
}

}  // namespace

std::string write_openmetrics(const std::vector<MetricFamily>& families) {
  std::string out;
  for (const MetricFamily& family : families) write_family(out, family);
  out += "# EOF\n";
  return out;
}

bool prefers_openmetrics(std::string_view accept) {
  double openmetrics = 0;
  // The most specific range that matches text/plain decides about it.
  std::array<double, 3> text{-1, -1, -1};
  while (!accept.empty()) {
    const MediaRange range = parse_media_range(next_part(accept, ','));
    if (equals_ignoring_case(range.type, "application/openmetrics-text")) {
      if (range.version.empty() || range.version == "1.0.0") {
        openmetrics = std::max(openmetrics, range.quality);
      }
    } else if (equals_ignoring_case(range.type, "text/plain")) {
      if (range.version.empty() || range.version == "0.0.4") text[0] = range.quality;
    } else if (equals_ignoring_case(range.type, "text/*")) {
      text[1] = range.quality;
    } else if (range.type == "*/*") {
      text[2] = range.quality;
    }
  }
  const auto plain = std::ranges::find_if(text, [](double quality) { return quality >= 0; });
  return openmetrics > 0 && openmetrics >= (plain == text.end() ? 0 : *plain);
}

}  // namespace bunker
