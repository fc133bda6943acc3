#include "lib/http/response_parser.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "lib/http/serializer.h"

namespace bunker::http {
namespace {

struct Outcome {
  ResponseParser::Status status = ResponseParser::Status::need_more;
  ResponseHead head;
  std::string error;
  std::size_t consumed = 0;
};

Outcome parse(std::string_view text, std::size_t step = SIZE_MAX, HeadLimits limits = {}) {
  Outcome out;
  ResponseParser parser(limits);
  for (std::size_t end = 0; end < text.size() && out.status == ResponseParser::Status::need_more;) {
    end = step < text.size() - end ? end + step : text.size();
    out.status = parser.parse(text.substr(0, end), out.head);
  }
  out.error = parser.error();
  out.consumed = parser.consumed();
  return out;
}

TEST(ResponseParser, ReadsAHead) {
  const std::string text =
      "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX-A:  b \r\nConnection: close\r\n\r\n";
  const auto out = parse(text + "hello");
  ASSERT_EQ(out.status, ResponseParser::Status::done);
  EXPECT_EQ(out.head.status, 404);
  EXPECT_EQ(out.head.content_length, 5U);
  EXPECT_EQ(out.head.headers.get("x-a"), "b");
  EXPECT_FALSE(out.head.keep_alive);
  EXPECT_EQ(out.consumed, text.size());
  EXPECT_EQ(parse(text, 1).head.headers.fields(), out.head.headers.fields());
}

TEST(ResponseParser, FramesTheBody) {
  const auto framing = [](std::string_view text, bool to_head = false) {
    const auto out = parse(text);
    EXPECT_EQ(out.status, ResponseParser::Status::done) << out.error;
    return response_body(out.head, to_head);
  };
  EXPECT_EQ(framing("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n").remaining(), 5U);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n").framing(),
            BodyDecoder::Framing::chunked);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\n\r\n").framing(), BodyDecoder::Framing::until_close);
  EXPECT_TRUE(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).finished());
  EXPECT_TRUE(framing("HTTP/1.1 204 No Content\r\n\r\n").finished());
  EXPECT_TRUE(framing("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n").finished());
  EXPECT_TRUE(framing("HTTP/1.1 100 Continue\r\n\r\n").finished());
}

TEST(ResponseParser, KnowsWhetherTheConnectionLives) {
  EXPECT_TRUE(parse("HTTP/1.1 200 OK\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("HTTP/1.0 200 OK\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parse("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
}

TEST(ResponseParser, RefusesWhatIsNone) {
  for (const char* text :
       {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 200OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 \x01\r\n\r\n", "\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    const auto out = parse(text);
    EXPECT_EQ(out.status, ResponseParser::Status::malformed) << text;
    EXPECT_EQ(parse(text, 1).error, out.error) << text;
    EXPECT_NE(out.error, "") << text;
  }
}

TEST(ResponseParser, IsBounded) {
  const std::string text = "HTTP/1.1 200 OK\r\nA: " + std::string(100, 'x') + "\r\nB: c\r\n\r\n";
  EXPECT_EQ(parse(text, SIZE_MAX, {64, 10}).status, ResponseParser::Status::malformed);
  EXPECT_EQ(parse(text, SIZE_MAX, {1000, 1}).status, ResponseParser::Status::malformed);
  EXPECT_EQ(parse(text, SIZE_MAX, {1000, 2}).status, ResponseParser::Status::done);
}

RC_GTEST_PROP(ResponseParserProperty, ReadsWhatTheSerializerWrites, ()) {
  Response response(*rc::gen::inRange(200, 600));
  const auto names = rc::gen::container<std::string>(rc::gen::inRange('a', 'z'));
  const auto fields = *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
      rc::gen::pair(names, rc::gen::string<std::string>()));
  for (const auto& [name, value] : fields) response.headers.add("x-" + name, value);
  response.body.length = *rc::gen::inRange<std::uint64_t>(0, 1 << 30);
  std::string text;
  append_head(text, response, plan_response(response, Method::get, 1, false), "now", 1);
  const auto out = parse(text, *rc::gen::inRange<std::size_t>(1, 100), {1 << 20, 1000});
  RC_ASSERT(out.status == ResponseParser::Status::done);
  RC_ASSERT(out.head.status == response.status);
  RC_ASSERT(out.consumed == text.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    RC_ASSERT(out.head.headers.fields()[i].first == "x-" + fields[i].first);
  }
}

}  // namespace
}  // namespace bunker::http
