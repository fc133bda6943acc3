#include "tests/unit/lib/http/server_fixture.h"

namespace bunker::http::testing {
namespace {

TEST_F(ServerTest, AnswersManyRequestsOnOneConnection) {
  serve(echo());
  RawClient client(address_);
  for (int i = 0; i < 3; ++i) {
    const auto response = client.exchange("GET /v2/?n=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(response.complete);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "GET /v2/?n=1\n");
    EXPECT_EQ(response.field("Content-Length"), "13");
    EXPECT_EQ(response.field("Connection"), "");
    EXPECT_EQ(response.field("Date").size(), 29U);
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  serve(echo());
  RawClient client(address_);
  client.send(
      "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive().body, "PUT /a?\nabc");
  EXPECT_EQ(client.receive().body, "PUT /b?\nde");
  EXPECT_EQ(client.receive().body, "GET /c?\n");
}

TEST_F(ServerTest, ClosesWhenAsked) {
  serve(echo());
  RawClient client(address_);
  const auto response = client.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  serve(echo());
  RawClient client(address_);
  client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive(true).field("Content-Length"), "9");
  EXPECT_EQ(client.receive().body, "GET /x?\n");
}

}  // namespace
}  // namespace bunker::http::testing
