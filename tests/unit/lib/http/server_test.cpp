#include "lib/http/server.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/lib/http/server_fixture.h"

namespace bunker::http::testing {
namespace {

using std::chrono::milliseconds;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(ServerTest, AnswersManyRequestsOnOneConnection) {
  const auto running = serve(echo());
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
  const auto running = serve(echo());
  RawClient client(address_);
  client.send(
      "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive().body, "PUT /a?\nabc");
  EXPECT_EQ(client.receive().body, "PUT /b?\nde");
  EXPECT_EQ(client.receive().body, "GET /c?\n");
}

TEST_F(ServerTest, BytesMayArriveOneByOne) {
  const auto running = serve(echo());
  RawClient client(address_);
  const std::string text =
      "PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /c HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const char c : text) client.send({&c, 1});
  EXPECT_EQ(client.receive().body, "PUT /b?\nde");
  EXPECT_EQ(client.receive().body, "GET /c?\n");
}

TEST_F(ServerTest, ManyPipelinedRequestsBehindAChunkedBodyAreAllServed) {
  const auto running = serve(echo());
  RawClient client(address_);
  std::string text = "PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunk(50'000, 'x');
  for (int i = 0; i < 10; ++i) text += "c350\r\n" + chunk + "\r\n";
  text += "0\r\n\r\n";
  for (int i = 0; i < 3000; ++i) text += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  std::thread sender([&] { client.send(text); });
  EXPECT_EQ(client.receive().body.size(), 500'000 + 8U);
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(client.receive().body, "GET /?\n") << i;
  sender.join();
}

TEST_F(ServerTest, ClosesWhenAsked) {
  const auto running = serve(echo());
  RawClient client(address_);
  const auto response = client.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, ClosesAfterAResponseThatSaysSo) {
  const auto running = serve([](Context&, Request&) -> Task<Response> {
    Response response;
    response.close = true;
    co_return response;
  });
  RawClient client(address_);
  EXPECT_EQ(client.exchange(kGet).field("Connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, SpeaksHttp10) {
  const auto running = serve(echo());
  RawClient client(address_);
  const auto kept = client.exchange("GET /k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.body, "GET /k?\n");
  EXPECT_EQ(kept.field("Connection"), "keep-alive");
  EXPECT_EQ(client.exchange("GET /c HTTP/1.0\r\n\r\n").body, "GET /c?\n");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  const auto running = serve(echo());
  RawClient client(address_);
  client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.receive(true).field("Content-Length"), "9");
  EXPECT_EQ(client.receive().body, "GET /x?\n");
}

TEST_F(ServerTest, AClientThatHasSentItsLastByteStillGetsAnswers) {
  const auto running = serve(echo());
  RawClient client(address_);
  client.send(kGet);
  client.finish_sending();
  EXPECT_EQ(client.receive().body, "GET /?\n");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, TellsWhoAsks) {
  const auto running = serve([](Context&, Request& request) -> Task<Response> {
    Response response;
    response.body = Body(request.peer.address);
    co_return response;
  });
  RawClient client(address_);
  EXPECT_TRUE(client.exchange(kGet).body.starts_with("127.0.0.1:"));
}

TEST_F(ServerTest, RefusesMalformedRequestsBeforeTheHandler) {
  std::atomic<int> calls = 0;
  std::atomic<int> refused = 0;
  Server::Options options;
  options.observer.refused = [&](std::string_view) { ++refused; };
  options.refuse = [](int status, std::string_view reason) {
    Response response(status);
    response.headers.add("X-Why", reason);
    response.body = Body(std::string("{}"));
    return response;
  };
  const auto running = serve(
      [&](Context&, Request&) -> Task<Response> {
        ++calls;
        co_return Response();
      },
      std::move(options));
  const std::vector<std::pair<std::string, int>> cases{
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
      {"GET /" + std::string(70'000, 'a'), 414},
      {"GET / HTTP/1.1\r\nA: " + std::string(70'000, 'a'), 431},
      {"\x16\x03\x01", 400}};
  for (const auto& [text, status] : cases) {
    RawClient client(address_);
    const auto response = client.exchange(text);
    EXPECT_EQ(response.status, status) << text.substr(0, 60);
    EXPECT_EQ(response.field("Connection"), "close");
    EXPECT_EQ(response.body, "{}");
    EXPECT_NE(response.field("X-Why"), "");
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(refused, static_cast<int>(cases.size()));
}

TEST_F(ServerTest, NothingBehindARefusedRequestIsServed) {
  std::atomic<int> calls = 0;
  const auto running = serve([&](Context&, Request&) -> Task<Response> {
    ++calls;
    co_return Response();
  });
  RawClient client(address_);
  const auto response = client.exchange(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(calls, 0);
}

TEST_F(ServerTest, AMalformedChunkedBodyIsRefused) {
  const auto running = serve(echo());
  RawClient client(address_);
  const auto response =
      client.exchange("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, AHandlerThatThrowsIsA500) {
  std::string what;
  Server::Options options;
  options.observer.failed = [&](std::string_view text) { what = text; };
  const auto running = serve(
      [](Context&, Request& request) -> Task<Response> {
        if (request.path == "/throw") throw std::runtime_error("a bug");
        co_return Response();
      },
      std::move(options));
  RawClient client(address_);
  EXPECT_EQ(client.exchange("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n").status, 500);
  EXPECT_EQ(client.exchange(kGet).status, 200);
  EXPECT_EQ(what, "a bug");
}

TEST_F(ServerTest, ListensOnAUnixSocketAndReplacesAStaleOne) {
  const std::string path = ::testing::TempDir() + "bunker_server_test.sock";
  Server::Options options{.network = "unix", .address = path};
  const auto running = serve(echo(), options);
  RawClient client(path);
  EXPECT_EQ(client.exchange(kGet).body, "GET /?\n");
  Server second(threads_, options, echo());
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::conflict);
}

TEST_F(ServerTest, AnAddressInUseIsAConflict) {
  const auto running = serve(echo());
  Server second(threads_, {.address = address_}, echo());
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::conflict);
}

TEST_F(ServerTest, TakesNoMoreConnectionsThanItMay) {
  Server::Options options;
  options.limits.connections = 1;
  const auto running = serve(echo(), std::move(options));
  auto first = std::make_unique<RawClient>(address_);
  EXPECT_EQ(first->exchange(kGet).status, 200);
  RawClient second(address_);
  second.send(kGet);
  EXPECT_EQ(second.receive_some(milliseconds(150)), "");
  first.reset();
  EXPECT_EQ(second.receive().status, 200);
}

}  // namespace
}  // namespace bunker::http::testing
