#include "lib/http/serializer.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "lib/http/syntax.h"

namespace bunker::http {
namespace {

void append_number(std::string& out, std::uint64_t value, int base = 10) {
  std::array<char, 20> digits{};
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
  out.append(digits.data(), end);
}

void append_text(std::string& out, std::string_view text) {
  if (is_field_value(text)) {
    out += text;
    return;
  }
  for (const char c : text) out += is_field_value({&c, 1}) ? c : ' ';
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_text(out, name);
  out += ": ";
  append_text(out, value);
  out += "\r\n";
}

}  // namespace

ResponsePlan plan_response(const Response& response, Method method, int minor_version, bool close) {
  ResponsePlan plan;
  plan.close = close || response.close;
  const int status = response.status;
  if (status < 200 || status == 204) return plan;  // RFC 9110 §8.6: no Content-Length either
  if (method == Method::head || status == 304) {
    plan.content_length = response.head_length;
    const bool known = response.body.length != kUnknownLength;
    if (!plan.content_length && method == Method::head && known) {
      plan.content_length = response.body.length;
    }
    return plan;
  }
  if (response.body.length != kUnknownLength) {
    plan.content_length = response.body.length;
    plan.has_body = response.body.length > 0;
    return plan;
  }
  plan.has_body = true;
  plan.chunked = minor_version >= 1;
  plan.close = plan.close || !plan.chunked;  // HTTP/1.0: the end of the connection ends the body
  return plan;
}

void append_head(std::string& out, const Response& response, const ResponsePlan& plan,
                 std::string_view date, int minor_version) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(response.status));
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  for (const auto& [name, value] : response.headers.fields()) append_field(out, name, value);
  if (plan.content_length) {
    out += "Content-Length: ";
    append_number(out, *plan.content_length);
    out += "\r\n";
  }
  if (plan.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (plan.close) {
    out += "Connection: close\r\n";
  } else if (minor_version == 0) {
    out += "Connection: keep-alive\r\n";
  }
  out += "Date: ";
  out += date;
  out += "\r\n\r\n";
}

std::string chunk_header(std::size_t size) {
  std::string out;
  append_number(out, size, 16);
  out += "\r\n";
  return out;
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "";
  }
}

std::string format_http_date(SystemTime time) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                                 kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900,
                                 utc.tm_hour, utc.tm_min, utc.tm_sec);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace bunker::http
