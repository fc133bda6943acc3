// The response parser and the framing of bodies behind it, as the client uses them on what a store
// or an identity provider sends: no input crashes them, and how the bytes are cut does not change
// what they see. The first byte chooses the cuts and whether the request was a HEAD.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/response_parser.h"
#include "tests/fuzz/http_body.h"

namespace {

using bunker::fuzz::body_of;
using bunker::fuzz::require;
using bunker::http::BodyDecoder;
using bunker::http::HeadLimits;
using bunker::http::ResponseHead;
using bunker::http::ResponseParser;

struct Seen {
  ResponseParser::Status status = ResponseParser::Status::need_more;
  std::string text;

  bool operator==(const Seen&) const = default;
};

std::string describe(const ResponseHead& head) {
  require(head.status >= 100 && head.status <= 999);
  std::string text = std::to_string(head.status) + (head.keep_alive ? " keep" : " close");
  for (const auto& [name, value] : head.headers.fields()) {
    require(!name.empty());
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    text += "\n" + name + ":" + value;
  }
  return text;
}

Seen parse_response(std::string_view input, std::size_t step, bool to_head) {
  ResponseParser parser(HeadLimits{4096, 16});
  ResponseHead head;
  Seen seen;
  for (std::size_t end = 0;
       end < input.size() && seen.status == ResponseParser::Status::need_more;) {
    end = std::min(input.size(), end + step);
    seen.status = parser.parse(input.substr(0, end), head);
  }
  if (seen.status == ResponseParser::Status::malformed) {
    require(!parser.error().empty());
    seen.text = parser.error();
  } else if (seen.status == ResponseParser::Status::done) {
    require(parser.consumed() <= input.size());
    require(!(head.chunked && head.content_length));
    const BodyDecoder decoder = bunker::http::response_body(head, to_head);
    seen.text = describe(head) + "\n" + body_of(decoder, input.substr(parser.consumed()), step);
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = data[0] % 64 + 1;
  const bool to_head = (data[0] & 64) != 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  require(parse_response(input, step, to_head) == parse_response(input, SIZE_MAX / 2, to_head));
  return 0;
}
