#include "lib/http/message.h"

#include <gtest/gtest.h>

#include "lib/http/accept.h"
#include "lib/http/multipart.h"
#include "lib/http/serializer.h"
#include "lib/runtime/io_threads.h"

namespace bunker::http {
namespace {

using Values = std::vector<std::string>;

TEST(Headers, CompareWithoutCase) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("X", "b");
  headers.add("ACCEPT", "c");
  EXPECT_EQ(headers.get("accept"), "a");
  EXPECT_EQ(headers.joined("accept"), "a, c");
  EXPECT_EQ(headers.get("y"), std::nullopt);
  EXPECT_EQ(headers.joined("y"), std::nullopt);
  headers.set("aCCept", "d");
  EXPECT_EQ(headers.joined("Accept"), "d");
  EXPECT_EQ(headers.fields().size(), 2U);
  headers.remove("x");
  EXPECT_FALSE(headers.has("X"));
  headers.set("New", "e");
  EXPECT_EQ(headers.get("new"), "e");
}

TEST(Request, DecodesQueryValues) {
  Request request;
  request.query = "a=1&b=x%2Fy&a=2&empty=&bare&bad=%zz&t=v1+json&%61=3";
  EXPECT_EQ(request.query_value("a"), "1");
  EXPECT_EQ(request.query_values("a"), (Values{"1", "2", "3"}));
  EXPECT_EQ(request.query_value("b"), "x/y");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("bare"), "");
  EXPECT_EQ(request.query_value("bad"), std::nullopt);
  EXPECT_EQ(request.query_value("t"), "v1+json");
  EXPECT_EQ(request.query_value("absent"), std::nullopt);
}

TEST(Accept, TheMostSpecificRangeDecides) {
  const char* accept = "text/*;q=0.5, text/html ; level=1;q=0.7, */*;q=0.1, image/png;q=0";
  EXPECT_DOUBLE_EQ(quality(accept, "text/html"), 0.7);
  EXPECT_DOUBLE_EQ(quality(accept, "TEXT/plain"), 0.5);
  EXPECT_DOUBLE_EQ(quality(accept, "a/b"), 0.1);
  EXPECT_DOUBLE_EQ(quality(accept, "image/png"), 0);
}

TEST(Accept, PrometheusAsks) {
  const char* accept =
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
      "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  EXPECT_DOUBLE_EQ(quality(accept, "application/openmetrics-text"), 1);
  EXPECT_DOUBLE_EQ(quality(accept, "text/plain"), 0.5);
}

TEST(Accept, EmptyWantsAllAndNonsenseNothing) {
  EXPECT_DOUBLE_EQ(quality("", "a/b"), 1);
  EXPECT_DOUBLE_EQ(quality("  ", "a/b"), 1);
  EXPECT_DOUBLE_EQ(quality("c/d", "a/b"), 0);
  for (const char* weight : {"", "2", "1.1", "0.1234", "-1", ".5", "x"}) {
    EXPECT_DOUBLE_EQ(quality(std::string("a/b;q=") + weight, "a/b"), 0) << weight;
  }
  EXPECT_DOUBLE_EQ(quality("x/y;p=\"a,a/b\", a/b;q=0.25", "a/b"), 0.25);
}

Task<Result<std::string>> text_of(Body body) {
  const auto source = make_source(std::move(body));
  co_return co_await read_all(*source, 1 << 20);
}

TEST(Multipart, PutsPartsInOrderWithAnExactLength) {
  std::vector<Part> parts(2);
  parts[0].headers.add("Content-Range", "bytes 0-1/9");
  parts[0].body = Body(std::string("ab"));
  parts[1].headers.add("Content-Range", "bytes 4-4/9");
  parts[1].body = Body(std::string("e"));
  Body body = make_multipart("XX", std::move(parts));
  const std::uint64_t length = body.length;
  const auto text = run_task(text_of(std::move(body)));
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "--XX\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n"
            "--XX\r\nContent-Range: bytes 4-4/9\r\n\r\ne\r\n--XX--\r\n");
  EXPECT_EQ(text->size(), length);
  EXPECT_NE(make_boundary(), make_boundary());
}

class ShortSource final : public ByteSource {
 public:
  Task<Result<std::span<const std::byte>>> read() override {
    co_return std::span<const std::byte>();
  }
};

TEST(Multipart, APartThatIsTooShortFails) {
  std::vector<Part> parts(1);
  parts[0].body = Body(std::make_unique<ShortSource>(), 5);
  const auto text = run_task(text_of(make_multipart("XX", std::move(parts))));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::data_loss);
}

std::string head_of(const Response& response, Method method = Method::get, int minor = 1,
                    bool close = false) {
  std::string out;
  append_head(out, response, plan_response(response, method, minor, close), "now", minor);
  return out;
}

TEST(Serializer, WritesAHead) {
  Response response(404);
  response.headers.add("Content-Type", "a/b");
  response.body = Body(std::string("gone"));
  EXPECT_EQ(
      head_of(response),
      "HTTP/1.1 404 Not Found\r\nContent-Type: a/b\r\nContent-Length: 4\r\nDate: now\r\n\r\n");
  EXPECT_NE(head_of(response, Method::get, 0).find("Connection: keep-alive\r\n"),
            std::string::npos);
  EXPECT_NE(head_of(response, Method::get, 1, true).find("Connection: close\r\n"),
            std::string::npos);
}

TEST(Serializer, AFieldCannotEndTheHead) {
  Response response(200);
  response.headers.add("X", "a\r\nSet-Cookie: b");
  response.headers.add("Y\r\n", std::string("\0", 1));
  EXPECT_EQ(head_of(response),
            "HTTP/1.1 200 OK\r\nX: a  Set-Cookie: b\r\nY  :  \r\nContent-Length: 0\r\n"
            "Date: now\r\n\r\n");
}

TEST(Serializer, SomeResponsesHaveNoBody) {
  Response empty(204);
  EXPECT_EQ(head_of(empty), "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");
  Response unchanged(304);
  unchanged.head_length = 7;
  EXPECT_NE(head_of(unchanged).find("Content-Length: 7\r\n"), std::string::npos);
  Response full(200);
  full.body = Body(std::string("abc"));
  EXPECT_FALSE(plan_response(full, Method::head, 1, false).has_body);
  EXPECT_NE(head_of(full, Method::head).find("Content-Length: 3\r\n"), std::string::npos);
}

TEST(Serializer, AnUnknownLengthIsChunkedOrEndsWithTheConnection) {
  Response response(200);
  response.body = Body(std::make_unique<ShortSource>(), kUnknownLength);
  EXPECT_TRUE(plan_response(response, Method::get, 1, false).chunked);
  EXPECT_FALSE(plan_response(response, Method::get, 1, false).close);
  EXPECT_FALSE(plan_response(response, Method::get, 0, false).chunked);
  EXPECT_TRUE(plan_response(response, Method::get, 0, false).close);
}

TEST(Serializer, WritesDates) {
  EXPECT_EQ(format_http_date(SystemTime(std::chrono::seconds(784111777))),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace bunker::http
