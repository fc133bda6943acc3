#include "lib/http/response_parser.h"

#include "lib/http/syntax.h"

namespace bunker::http {

bool ResponseParser::refuse(std::string_view error) noexcept {
  error_ = error;
  return false;
}

ResponseParser::Status ResponseParser::parse(std::string_view input, ResponseHead& head) {
  while (true) {
    std::string_view line;
    switch (lines_.next(input, limits_.bytes, line)) {
      case HeadLines::Found::line:
        break;
      case HeadLines::Found::need_more:
        return Status::need_more;
      case HeadLines::Found::malformed:
        refuse("a line does not end with CR LF");
        return Status::malformed;
      case HeadLines::Found::too_long:
        refuse("the response's header fields are too long");
        return Status::malformed;
    }
    if (!has_status_) {
      if (!parse_status_line(line, head)) return Status::malformed;
      has_status_ = true;
    } else if (line.empty()) {
      return finish(head) ? Status::done : Status::malformed;
    } else if (!parse_field(line, head)) {
      return Status::malformed;
    }
  }
}

// "HTTP/1.1 200 OK"; the reason may be empty, and some servers leave its space out.
bool ResponseParser::parse_status_line(std::string_view line, ResponseHead& head) {
  const bool wellformed = line.size() >= 12 && line.starts_with("HTTP/1.") && is_digit(line[7]) &&
                          line[8] == ' ' && line[9] >= '1' && line[9] <= '5' &&
                          is_digit(line[10]) && is_digit(line[11]) &&
                          (line.size() == 12 || line[12] == ' ');
  if (!wellformed || !is_field_value(line)) return refuse("the status line is malformed");
  head.minor_version = line[7] == '0' ? 0 : 1;
  head.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  return true;
}

bool ResponseParser::parse_field(std::string_view line, ResponseHead& head) {
  if (++count_ > limits_.count) return refuse("the response has too many header fields");
  const FieldLine field = split_field(line);
  if (!field.error.empty()) return refuse(field.error);
  if (equals_ignore_case(field.name, "Content-Length")) {
    if (!note_content_length(field.value, head)) return false;
  } else if (equals_ignore_case(field.name, "Transfer-Encoding")) {
    if (head.chunked || !equals_ignore_case(field.value, "chunked")) {
      return refuse("only the chunked transfer coding is known");
    }
    head.chunked = true;
  } else if (equals_ignore_case(field.name, "Connection")) {
    for_each_element(field.value, [this](std::string_view option) {
      if (equals_ignore_case(option, "close")) connection_close_ = true;
      if (equals_ignore_case(option, "keep-alive")) connection_keep_alive_ = true;
    });
  }
  head.headers.add(field.name, field.value);
  return true;
}

bool ResponseParser::note_content_length(std::string_view value, ResponseHead& head) {
  if (head.content_length) return refuse("the response has two Content-Length fields");
  head.content_length = parse_decimal(value);
  if (!head.content_length || *head.content_length > (std::uint64_t{1} << 62)) {
    return refuse("Content-Length is not a number of bytes");
  }
  return true;
}

bool ResponseParser::finish(ResponseHead& head) {
  const bool http10 = head.minor_version == 0;
  if (head.chunked && (head.content_length || http10)) {
    return refuse("Transfer-Encoding beside Content-Length, or in HTTP/1.0");
  }
  head.keep_alive = !connection_close_ && (!http10 || connection_keep_alive_);
  return true;
}

BodyDecoder response_body(const ResponseHead& head, bool to_head) noexcept {
  if (to_head || head.status < 200 || head.status == 204 || head.status == 304) return {};
  if (head.chunked) return BodyDecoder::chunked();
  if (head.content_length) return BodyDecoder::with_length(*head.content_length);
  return BodyDecoder::until_close();
}

}  // namespace bunker::http
