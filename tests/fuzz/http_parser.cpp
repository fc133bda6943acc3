// The request parser and the body decoder: no input crashes them, and how the bytes are cut does
// not change what they see. The first byte chooses the cuts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/request_parser.h"
#include "tests/fuzz/http_body.h"

namespace {

using bunker::fuzz::body_of;
using bunker::fuzz::require;
using bunker::http::BodyDecoder;
using bunker::http::HeadLimits;

struct Seen {
  int status = 0;  // the parser's, and what it refused with
  int refused = 0;
  std::string text;

  bool operator==(const Seen&) const = default;
};

Seen parse_request(std::string_view input, std::size_t step) {
  bunker::http::RequestParser parser(HeadLimits{4096, 16});
  bunker::http::Request request;
  auto status = bunker::http::RequestParser::Status::need_more;
  for (std::size_t end = 0;
       end < input.size() && status == bunker::http::RequestParser::Status::need_more;) {
    end = std::min(input.size(), end + step);
    status = parser.parse(input.substr(0, end), request);
  }
  Seen seen{static_cast<int>(status), 0, {}};
  if (status == bunker::http::RequestParser::Status::refused) {
    seen.refused = parser.refusal().status;
    seen.text = parser.refusal().reason;
  } else if (status == bunker::http::RequestParser::Status::done) {
    require(parser.consumed() <= input.size());
    require(!request.path.empty() && (request.path[0] == '/' || request.path == "*"));
    require(request.content_length.has_value() != parser.chunked());
    seen.text = request.method_name + " " + request.path + "?" + request.query;
    for (const auto& [name, value] : request.headers.fields()) {
      require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
      seen.text += "\n" + name + ":" + value;
    }
    const auto decoder = parser.chunked() ? BodyDecoder::chunked()
                                          : BodyDecoder::with_length(*request.content_length);
    seen.text += "\n" + body_of(decoder, input.substr(parser.consumed()), step);
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = data[0] % 64 + 1;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  require(parse_request(input, step) == parse_request(input, SIZE_MAX / 2));
  return 0;
}
