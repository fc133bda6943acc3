#include "lib/http/request_parser.h"

#include <cstring>

#include "lib/http/syntax.h"

namespace bunker::http {
namespace {

constexpr std::size_t kLongestMethod = 32;

Method method_of(std::string_view name) noexcept {
  for (const Method method : {Method::get, Method::head, Method::post, Method::put, Method::patch,
                              Method::del, Method::options}) {
    if (to_string(method) == name) return method;
  }
  return Method::other;
}

}  // namespace

void RequestParser::reset() noexcept {
  *this = RequestParser(limits_);
}

bool RequestParser::refuse(int status, std::string_view reason) noexcept {
  refusal_ = {status, reason};
  return false;
}

RequestParser::Status RequestParser::parse(std::string_view input, Request& request) {
  // Something that is no HTTP at all (a TLS hello) has no line to wait for.
  if (consumed() == 0 && !input.empty() && input[0] != '\r' && !is_token(input.substr(0, 1))) {
    refuse(400, "this is not an HTTP request");
    return Status::refused;
  }
  while (true) {
    std::string_view line;
    switch (lines_.next(input, limits_.bytes, line)) {
      case HeadLines::Found::line:
        break;
      case HeadLines::Found::need_more:
        return Status::need_more;
      case HeadLines::Found::malformed:
        refuse(400, "a line does not end with CR LF");
        return Status::refused;
      case HeadLines::Found::too_long:
        if (stage_ == Stage::request_line) {
          refuse(414, "the request line is too long");
        } else {
          refuse(431, "the request's header fields are too long");
        }
        return Status::refused;
    }
    if (stage_ == Stage::request_line) {
      if (line.empty()) continue;  // RFC 9112 §2.2: empty lines before the request line
      if (!parse_request_line(line, request)) return Status::refused;
      stage_ = Stage::fields;
    } else if (line.empty()) {
      return finish(request) ? Status::done : Status::refused;
    } else if (!parse_field(line, request)) {
      return Status::refused;
    }
  }
}

bool RequestParser::parse_request_line(std::string_view line, Request& request) {
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) {
    return refuse(400, "the request line is not: method, target, version");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  if (!is_token(method)) return refuse(400, "the method is not a token");
  if (method.size() > kLongestMethod) return refuse(501, "the method is not known");
  request.method_name = method;
  request.method = method_of(method);
  return parse_version(line.substr(second + 1), request) && parse_target(target, request);
}

bool RequestParser::parse_version(std::string_view version, Request& request) {
  const bool wellformed = version.size() == 8 && version.starts_with("HTTP/") &&
                          is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  if (!wellformed) return refuse(400, "the request line does not end with an HTTP version");
  if (version[5] != '1') return refuse(505, "this server speaks HTTP/1.1");
  request.minor_version = version[7] == '0' ? 0 : 1;
  return true;
}

bool RequestParser::parse_target(std::string_view target, Request& request) {
  if (!is_target(target)) return refuse(400, "the request target has characters it must not have");
  if (!is_percent_encoded(target)) return refuse(400, "the request target has a malformed '%'");
  if (request.method_name == "CONNECT") return refuse(501, "this server is not a proxy");
  if (target == "*") {
    if (request.method != Method::options) return refuse(400, "'*' is for OPTIONS only");
    request.path = "*";
    return true;
  }
  if (target.front() != '/') return parse_absolute_target(target, request);
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  return true;
}

// "http://host:port/path?query"; its authority replaces the Host field (RFC 9112 §3.2.2).
bool RequestParser::parse_absolute_target(std::string_view target, Request& request) {
  const auto colon = target.find("://");
  const std::string_view scheme = target.substr(0, colon);
  if (colon == std::string_view::npos ||
      !(equals_ignore_case(scheme, "http") || equals_ignore_case(scheme, "https"))) {
    return refuse(400, "the request target is neither a path nor an http URL");
  }
  const std::string_view rest = target.substr(colon + 3);
  const auto end = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, end);
  if (authority.empty() || !is_host(authority)) {
    return refuse(400, "the request target's host is malformed");
  }
  absolute_ = true;
  request.headers.add("Host", authority);
  const std::string_view tail = end == std::string_view::npos ? "" : rest.substr(end);
  const auto question = tail.find('?');
  request.path = tail.substr(0, question);
  if (request.path.empty()) request.path = "/";
  if (question != std::string_view::npos) request.query = tail.substr(question + 1);
  return true;
}

bool RequestParser::parse_field(std::string_view line, Request& request) {
  if (++count_ > limits_.count) return refuse(431, "the request has too many header fields");
  const FieldLine field = split_field(line);
  if (!field.error.empty()) return refuse(400, field.error);
  return note_field(field.name, field.value, request);
}

bool RequestParser::note_field(std::string_view name, std::string_view value, Request& request) {
  switch (name.size()) {  // lengths first: most fields are none of these
    case 4:
      if (equals_ignore_case(name, "Host")) {
        if (has_host_) return refuse(400, "the request has two Host fields");
        if (!is_host(value)) return refuse(400, "the Host field is malformed");
        has_host_ = true;
        if (absolute_) return true;
      }
      break;
    case 6:
      if (equals_ignore_case(name, "Expect") && !note_expect(value)) return false;
      break;
    case 10:
      if (equals_ignore_case(name, "Connection")) {
        for_each_element(value, [this](std::string_view option) {
          if (equals_ignore_case(option, "close")) connection_close_ = true;
          if (equals_ignore_case(option, "keep-alive")) connection_keep_alive_ = true;
        });
      }
      break;
    case 14:
      if (equals_ignore_case(name, "Content-Length") && !note_content_length(value, request)) {
        return false;
      }
      break;
    case 17:
      if (equals_ignore_case(name, "Transfer-Encoding") && !note_transfer_encoding(value)) {
        return false;
      }
      break;
    default:
      break;
  }
  request.headers.add(name, value);
  return true;
}

bool RequestParser::note_content_length(std::string_view value, Request& request) {
  if (length_) return refuse(400, "the request has two Content-Length fields");
  length_ = parse_decimal(value);
  // Lengths near 2^64 would overflow the sums that others make with them.
  if (!length_ || *length_ > (std::uint64_t{1} << 62)) {
    return refuse(400, "Content-Length is not a number of bytes");
  }
  request.content_length = length_;
  return true;
}

bool RequestParser::note_transfer_encoding(std::string_view value) {
  if (chunked_) return refuse(400, "the request has two Transfer-Encoding fields");
  if (equals_ignore_case(value, "chunked")) {
    chunked_ = true;
    return true;
  }
  std::string_view last;
  for_each_element(value, [&last](std::string_view coding) { last = coding; });
  if (equals_ignore_case(last, "chunked")) return refuse(501, "only the chunked coding is known");
  return refuse(400, "the last transfer coding of a request must be chunked");
}

bool RequestParser::note_expect(std::string_view value) {
  if (!equals_ignore_case(value, "100-continue")) return refuse(417, "only 100-continue is known");
  expects_continue_ = true;
  return true;
}

bool RequestParser::finish(Request& request) {
  const bool http10 = request.minor_version == 0;
  if (!has_host_ && !http10) return refuse(400, "the request has no Host field");
  if (chunked_) {
    // RFC 9112 §6.1, §6.3: both mean that somebody on the way sees another message than we do.
    if (length_) return refuse(400, "the request has both Content-Length and Transfer-Encoding");
    if (http10) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    request.content_length.reset();
  } else if (!length_) {
    request.content_length = 0;
  }
  if (http10) expects_continue_ = false;  // RFC 9110 §10.1.1
  keep_alive_ = !connection_close_ && (!http10 || connection_keep_alive_);
  return true;
}

}  // namespace bunker::http
