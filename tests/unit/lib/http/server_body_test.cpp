// Bodies over real sockets: both directions, every kind, and clients or sources that break off.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/lib/http/pattern.h"
#include "tests/unit/lib/http/server_fixture.h"

namespace bunker::http::testing {
namespace {

using std::chrono::milliseconds;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// Yields the pieces it was given, then ends or fails.
class ScriptedSource final : public ByteSource {
 public:
  ScriptedSource(std::vector<std::string> pieces, bool fails)
      : pieces_(std::move(pieces)), fails_(fails) {}
  Task<Result<std::span<const std::byte>>> read() override {
    if (next_ < pieces_.size()) co_return std::as_bytes(std::span(pieces_[next_++]));
    if (fails_) co_return fail(Code::data_loss, "the disk is gone");
    co_return std::span<const std::byte>();
  }

 private:
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
  bool fails_;
};

Handler answer_with(std::vector<std::string> pieces, bool fails, std::uint64_t length) {
  return [=](Context&, Request&) -> Task<Response> {
    Response response;
    response.body = Body(std::make_unique<ScriptedSource>(pieces, fails), length);
    co_return response;
  };
}

Body temporary_file(const std::string& content, std::uint64_t claimed_length) {
  std::string path = ::testing::TempDir() + "bunker_body_XXXXXX";
  const int fd = ::mkstemp(path.data());
  EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  ::unlink(path.c_str());
  return Body(FileRegion{std::make_shared<FileHandle>(fd), 0, claimed_length});
}

TEST_F(ServerTest, ContinuesAClientOnlyWhenTheBodyIsRead) {
  const auto running = serve(echo());
  RawClient client(address_);
  client.send("PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("abc");
  EXPECT_EQ(client.receive().body, "PUT /a?\nabc");
  EXPECT_EQ(client.exchange(kGet).status, 200);
}

TEST_F(ServerTest, DoesNotContinueAClientWhoseBodyIsAlreadyThere) {
  const auto running = serve(echo());
  RawClient client(address_);
  client.send("PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.receive().body, "PUT /a?\nabc");
}

TEST_F(ServerTest, ARejectedClientThatWaitsIsNotContinued) {
  const auto running = serve([](Context&, Request&) -> Task<Response> { co_return Response(401); });
  RawClient client(address_);
  client.send("PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  const auto response = client.receive();
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, SmallUnreadBodiesAreDrained) {
  const auto running = serve([](Context&, Request&) -> Task<Response> { co_return Response(401); });
  RawClient client(address_);
  for (int i = 0; i < 3; ++i) {
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    client.send(std::string(200'000, 'x'));
    EXPECT_EQ(client.receive().status, 401);
    client.send(
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    EXPECT_EQ(client.receive().field("Connection"), "");
  }
}

TEST_F(ServerTest, AClientInTheMiddleOfALargeBodyGetsToReadItsRejection) {
  const auto running = serve([](Context&, Request&) -> Task<Response> {
    Response response(401);
    response.body = Body(std::string("who are you?"));
    co_return response;
  });
  for (const char* framing : {"Content-Length: 30000000", "Transfer-Encoding: chunked"}) {
    RawClient client(address_);
    client.send(std::string("PUT / HTTP/1.1\r\nHost: a\r\n") + framing + "\r\n\r\n");
    // Sends all of it before it looks at the answer.
    client.send("1c9c380\r\n");
    EXPECT_TRUE(client.send(std::string(29'999'000, 'x')));
    const auto response = client.receive();
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(response.field("Connection"), "close");
    EXPECT_EQ(response.body, "who are you?");
    client.finish_sending();
    EXPECT_TRUE(client.closed());
  }
}

TEST_F(ServerTest, LargeUploadsArriveWhole) {
  const auto running = serve(echo());
  const std::string body = pattern(20'000'000);
  RawClient client(address_);
  std::thread sender([&] {
    client.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
    client.send(body);
    client.send("PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1312D00\r\n");
    client.send(body);
    client.send("\r\n0\r\n\r\n");
  });
  EXPECT_TRUE(client.receive().body == "PUT /a?\n" + body);
  EXPECT_TRUE(client.receive().body == "PUT /b?\n" + body);
  sender.join();
}

TEST_F(ServerTest, TinyChunksAreReadTogether) {
  std::atomic<int> pieces = 0;
  const auto running = serve([&](Context&, Request& request) -> Task<Response> {
    std::size_t total = 0;
    while (true) {
      const auto piece = co_await request.body->read();
      if (!piece || piece->empty()) break;
      total += piece->size();
      ++pieces;
    }
    Response response;
    response.body = Body(std::to_string(total));
    co_return response;
  });
  std::string text = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 10'000; ++i) text += "1\r\nx\r\n";
  RawClient client(address_);
  client.send(text + "0\r\n\r\n");
  EXPECT_EQ(client.receive().body, "10000");
  EXPECT_LT(pieces, 1000);
}

TEST_F(ServerTest, BodiesOverTheLimitAreRefused) {
  Server::Options options;
  options.limits.body_bytes = 1000;
  const auto running = serve(echo(), std::move(options));
  RawClient sized(address_);
  EXPECT_EQ(sized.exchange("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n").status,
            413);
  EXPECT_TRUE(sized.closed());
  RawClient chunked(address_);
  chunked.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
  chunked.send(std::string(1001, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.receive().status, 413);
  RawClient fits(address_);
  fits.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_EQ(fits.receive().status, 200);
}

TEST_F(ServerTest, AClientThatLeavesInTheMiddleOfItsBodyIsNoticed) {
  std::atomic<int> cancelled = 0;
  const auto running = serve([&](Context&, Request& request) -> Task<Response> {
    const auto body = co_await read_all(*request.body, 1 << 20);
    if (!body && body.error().code == Code::cancelled) ++cancelled;
    co_return Response();
  });
  {
    RawClient client(address_);
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    client.finish_sending();
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(cancelled, 1);
  RawClient chunked(address_);
  chunked.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
  chunked.finish_sending();
  EXPECT_TRUE(chunked.closed());
  EXPECT_EQ(cancelled, 2);
}

TEST_F(ServerTest, StreamsOfKnownLengthAreSent) {
  const auto running = serve(answer_with({"ab", "cde"}, false, 5));
  RawClient client(address_);
  for (int i = 0; i < 2; ++i) {
    const auto response = client.exchange(kGet);
    EXPECT_EQ(response.field("Content-Length"), "5");
    EXPECT_EQ(response.body, "abcde");
  }
}

TEST_F(ServerTest, StreamsOfUnknownLengthAreChunked) {
  const auto running = serve(answer_with({"ab", "cde"}, false, kUnknownLength));
  RawClient client(address_);
  for (int i = 0; i < 2; ++i) {
    const auto response = client.exchange(kGet);
    EXPECT_EQ(response.field("Transfer-Encoding"), "chunked");
    EXPECT_TRUE(response.complete);
    EXPECT_EQ(response.body, "abcde");
  }
  const auto old = client.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(old.body, "abcde");
  EXPECT_EQ(old.field("Connection"), "close");
}

TEST_F(ServerTest, AnEmptyStreamIsAnEmptyBody) {
  const auto running = serve(answer_with({}, false, kUnknownLength));
  RawClient client(address_);
  EXPECT_TRUE(client.exchange(kGet).complete);
  EXPECT_EQ(client.exchange(kGet).body, "");
}

struct Broken {
  std::vector<std::string> pieces;
  bool fails;
  std::uint64_t length;
};

class BrokenStream : public ServerTest, public ::testing::WithParamInterface<Broken> {};

TEST_P(BrokenStream, EndsTheConnectionSoThatTheClientSees) {
  const auto running = serve(answer_with(GetParam().pieces, GetParam().fails, GetParam().length));
  RawClient client(address_);
  EXPECT_FALSE(client.exchange(kGet).complete);
  EXPECT_TRUE(client.closed());
}

INSTANTIATE_TEST_SUITE_P(Server, BrokenStream,
                         ::testing::Values(Broken{{"ab"}, true, 5}, Broken{{"ab"}, false, 5},
                                           Broken{{"ab", "cdefg"}, false, 5},
                                           Broken{{"ab"}, true, kUnknownLength}));

TEST_F(ServerTest, AStreamThatBreaksOffForHttp10ResetsTheConnection) {
  const auto running = serve(answer_with({"ab"}, true, kUnknownLength));
  RawClient client(address_);
  EXPECT_FALSE(client.exchange("GET / HTTP/1.0\r\n\r\n").complete);
}

TEST_F(ServerTest, AStreamThatFailsAtOnceIsA500) {
  const auto running = serve(answer_with({}, true, 5));
  RawClient client(address_);
  const auto response = client.exchange(kGet);
  EXPECT_EQ(response.status, 500);
  EXPECT_TRUE(response.complete);
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, FilesAreSentWhole) {
  const std::string content = pattern(20'000'003);
  const Body file = temporary_file(content, content.size());
  const auto region = std::get<FileRegion>(file.content);
  const auto running = serve([=](Context&, Request& request) -> Task<Response> {
    FileRegion part = region;
    if (request.path == "/part") part.offset = 1'000'001, part.length = 7;
    if (request.path == "/empty") part.length = 0;
    Response response;
    response.body = Body(part);
    co_return response;
  });
  RawClient client(address_);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(client.exchange(kGet).body == content);
    EXPECT_EQ(client.exchange("GET /part HTTP/1.1\r\nHost: a\r\n\r\n").body,
              content.substr(1'000'001, 7));
    EXPECT_TRUE(client.exchange("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n").complete);
  }
}

TEST_F(ServerTest, AFileThatIsTooShortEndsTheConnection) {
  const Body file = temporary_file("short", 500);
  const auto region = std::get<FileRegion>(file.content);
  const auto running = serve([=](Context&, Request&) -> Task<Response> {
    Response response;
    response.body = Body(region);
    co_return response;
  });
  RawClient client(address_);
  const auto response = client.exchange(kGet);
  EXPECT_FALSE(response.complete);
  EXPECT_EQ(response.body, "short");
}

TEST_F(ServerTest, LargeBodiesFromMemoryAreSentWhole) {
  const auto content = std::make_shared<const std::string>(pattern(30'000'000));
  const auto running = serve([=](Context&, Request&) -> Task<Response> {
    Response response;
    response.body = Body(content);
    co_return response;
  });
  RawClient client(address_);
  EXPECT_TRUE(client.exchange(kGet).body == *content);
  EXPECT_TRUE(client.exchange(kGet).body == *content);
}

TEST_F(ServerTest, ClientsThatLeaveInTheMiddleOfAResponseDoNoHarm) {
  const std::string content = pattern(10'000'000);
  const Body file = temporary_file(content, content.size());
  const auto region = std::get<FileRegion>(file.content);
  const auto bytes = std::make_shared<const std::string>(content);
  const auto running = serve([=](Context&, Request& request) -> Task<Response> {
    Response response;
    response.body = request.path == "/file" ? Body(region) : Body(bytes);
    co_return response;
  });
  for (const char* path : {"/file", "/memory"}) {
    for (int i = 0; i < 10; ++i) {
      RawClient client(address_);
      client.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
      EXPECT_NE(client.receive_some(), "");
      if (i % 2 == 0) client.reset();
    }
  }
  RawClient client(address_);
  EXPECT_TRUE(client.exchange("GET /file HTTP/1.1\r\nHost: a\r\n\r\n").body == content);
}

}  // namespace
}  // namespace bunker::http::testing
