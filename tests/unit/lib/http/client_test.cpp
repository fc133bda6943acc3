#include "lib/http/client.h"

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/runtime/blocking_pool.h"
#include "tests/unit/lib/http/server_fixture.h"

namespace bunker::http::testing {
namespace {

using std::chrono::milliseconds;

SteadyTime in(milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}
SteadyTime soon() {
  return in(std::chrono::seconds(20));
}

struct Answer {
  int status = 0;
  std::string body;
  Headers headers;
};

Task<Result<Answer>> ask(Client& client, net::Destination to, ClientRequest request,
                         SteadyTime deadline) {
  BUNKER_CO_TRY_ASSIGN(auto response, co_await client.send(to, std::move(request), deadline));
  Answer answer{response.status, {}, std::move(response.headers)};
  BUNKER_CO_TRY_ASSIGN(answer.body, co_await read_all(*response.body, 1 << 30));
  co_return answer;
}

// Our client against our server.
class ClientTest : public ServerTest {
 protected:
  [[nodiscard]] Running serve_counting(Handler handler, Server::Options options = {}) {
    options.observer.connections = [this](std::ptrdiff_t delta) {
      if (delta > 0) ++connections_;
    };
    return serve(std::move(handler), std::move(options));
  }
  Result<Answer> ask_once(ClientRequest request) {
    return run_task(ask(client_, to(), std::move(request), soon()));
  }
  [[nodiscard]] net::Destination to() const { return parse_url("http://" + address_)->destination; }

  BlockingPool pool_{1};
  net::SocketDialer dialer_{pool_, nullptr};
  Client client_{dialer_};
  std::atomic<int> connections_ = 0;
};

TEST_F(ClientTest, AsksAndReads) {
  const auto running = serve_counting(echo());
  ClientRequest request("PUT", "/a?b=c");
  request.headers.add("X-A", "b");
  request.body = Body(std::string("hello"));
  const auto answer = ask_once(std::move(request));
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "PUT /a?b=c\nhello");
  EXPECT_EQ(answer->headers.get("content-type"), "text/plain");
}

Task<int> ask_many(Client& client, net::Destination to) {
  int answered = 0;
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "GET"}) {
    const auto answer = co_await ask(client, to, ClientRequest(method, "/"), soon());
    if (answer && answer->status == 200) ++answered;
  }
  co_return answered;
}

TEST_F(ClientTest, KeepsItsConnection) {
  const auto running = serve_counting(echo());
  EXPECT_EQ(run_task(ask_many(client_, to())), 5);
  EXPECT_EQ(connections_, 1);
}

Task<int> ask_at_once(Client& client, net::Destination to) {
  std::vector<Task<Result<Answer>>> tasks;
  for (int i = 0; i < 20; ++i) tasks.push_back(ask(client, to, ClientRequest(), soon()));
  int answered = 0;
  for (const auto& answer : co_await when_all(std::move(tasks))) answered += answer ? 1 : 0;
  co_return answered;
}

TEST_F(ClientTest, AsksManyAtOnce) {
  const auto running = serve_counting(echo());
  EXPECT_EQ(run_task(ask_at_once(client_, to())), 20);
}

class Pieces final : public ByteSource {
 public:
  explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  Task<Result<std::span<const std::byte>>> read() override {
    if (next_ == pieces_.size()) co_return std::span<const std::byte>();
    co_return std::as_bytes(std::span(pieces_[next_++]));
  }

 private:
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
};

TEST_F(ClientTest, StreamsBothWays) {
  const auto running = serve_counting([](Context&, Request& request) -> Task<Response> {
    auto body = co_await read_all(*request.body, 1 << 30);
    Response response;
    if (body) {
      response.body =
          Body(std::make_unique<Pieces>(std::vector<std::string>{*body, *body}), kUnknownLength);
    }
    co_return response;
  });
  const std::string large(3'000'000, 'x');
  for (const std::uint64_t length : {large.size() + 2, std::size_t{kUnknownLength}}) {
    ClientRequest request("POST", "/");
    request.body =
        Body(std::make_unique<Pieces>(std::vector<std::string>{"a", large, "z"}), length);
    const auto answer = ask_once(std::move(request));
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_TRUE(answer->body == "a" + large + "z" + "a" + large + "z");
  }
}

TEST_F(ClientTest, ARequestBodyOfAnotherLengthFails) {
  const auto running = serve_counting(echo());
  for (const std::uint64_t length : {1U, 9U}) {
    ClientRequest request("PUT", "/");
    request.body = Body(std::make_unique<Pieces>(std::vector<std::string>{"ab", "c"}), length);
    const auto answer = ask_once(std::move(request));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::data_loss);
  }
}

TEST_F(ClientTest, ReadsARejectionBeforeItsBodyIsSent) {
  const auto running = serve_counting([](Context&, Request&) -> Task<Response> {
    Response response(403);
    response.body = Body(std::string("no"));
    co_return response;
  });
  ClientRequest request("PUT", "/");
  request.body = Body(std::string(30'000'000, 'x'));
  const auto answer = ask_once(std::move(request));
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(answer->body, "no");
}

TEST_F(ClientTest, GivesUpAtTheDeadline) {
  const auto running = serve_counting([](Context&, Request&) -> Task<Response> {
    co_await sleep_for(std::chrono::hours(1));
    co_return Response();
  });
  const auto answer = run_task(ask(client_, to(), ClientRequest(), in(milliseconds(50))));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::retry_later);
}

TEST_F(ClientTest, WhatCannotBeWrittenIsRefused) {
  const auto running = serve_counting(echo());
  ClientRequest split("GET", "/");
  split.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(ask_once(std::move(split)).error().code, Code::invalid);
  EXPECT_EQ(ask_once(ClientRequest("GET", "/a b")).error().code, Code::invalid);
  EXPECT_EQ(ask_once(ClientRequest("G T", "/")).error().code, Code::invalid);
}

Task<int> ask_after(Client& client, net::Destination to, milliseconds pause) {
  (void)co_await ask(client, to, ClientRequest(), soon());
  co_await sleep_for(pause);
  const auto answer = co_await ask(client, to, ClientRequest(), soon());
  co_return answer ? answer->status : 0;
}

TEST_F(ClientTest, AConnectionThatTheServerClosedIsReplaced) {
  Server::Options options;
  options.limits.idle_time = milliseconds(30);
  const auto running = serve_counting(echo(), std::move(options));
  EXPECT_EQ(run_task(ask_after(client_, to(), milliseconds(200))), 200);
  EXPECT_EQ(connections_, 2);
}

TEST_F(ClientTest, IdleConnectionsAreLetGo) {
  const auto running = serve_counting(echo());
  Client client(dialer_, {.idle_time = milliseconds(30)});
  EXPECT_EQ(run_task(ask_after(client, to(), milliseconds(200))), 200);
  EXPECT_EQ(connections_, 2);
}

Task<Result<int>> leave_unread(Client& client, net::Destination to) {
  {
    BUNKER_CO_TRY_ASSIGN(auto response, co_await client.send(to, ClientRequest(), soon()));
  }
  BUNKER_CO_TRY_ASSIGN(auto answer, co_await ask(client, to, ClientRequest(), soon()));
  co_return answer.status;
}

TEST_F(ClientTest, AnUnreadAnswerCostsTheConnectionOnly) {
  const auto running = serve_counting(echo());
  EXPECT_EQ(run_task(leave_unread(client_, to())), 200);
  EXPECT_EQ(connections_, 2);
}

TEST_F(ClientTest, NobodyThereIsRetryLater) {
  const auto running = serve_counting(echo());
  server_->drain(milliseconds(0));
  const auto answer = ask_once(ClientRequest());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::retry_later);
  net::Destination secure = to();
  secure.tls = true;
  const auto refused = run_task(ask(client_, secure, ClientRequest(), soon()));
  EXPECT_EQ(refused.error().code, Code::unsupported);
}

// A server that says what it is told, once for each connection, and closes.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(fd_, 16);
    socklen_t size = sizeof(address);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedServer() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  [[nodiscard]] net::Destination destination() const { return {"127.0.0.1", port_, false}; }

 private:
  void run() {
    for (const std::string& answer : answers_) {
      const int client = ::accept(fd_, nullptr, nullptr);
      if (client < 0) return;
      std::array<char, 4096> request;
      (void)::recv(client, request.data(), request.size(), 0);
      ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::shutdown(client, SHUT_WR);
      while (::recv(client, request.data(), request.size(), 0) > 0) {
      }
      ::close(client);
    }
  }

  std::vector<std::string> answers_;
  int fd_ = -1;
  unsigned port_ = 0;
  std::thread thread_;
};

Result<Answer> ask_scripted(std::string answer, ClientRequest request = {}) {
  ScriptedServer server({std::move(answer)});
  BlockingPool pool(1);
  net::SocketDialer dialer(pool, nullptr);
  Client client(dialer);
  return run_task(ask(client, server.destination(), std::move(request), soon()));
}

TEST(ClientAnswers, OfEveryFraming) {
  for (const char* text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}) {
    const auto answer = ask_scripted(text);
    ASSERT_TRUE(answer) << text << to_string(answer.error());
    EXPECT_EQ(answer->body, "hello") << text;
  }
}

TEST(ClientAnswers, ToHeadHaveNoBody) {
  const auto answer =
      ask_scripted("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ClientRequest("HEAD", "/"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "");
}

TEST(ClientAnswers, ThatBreakOffAreCancelled) {
  for (const char* text : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    const auto answer = ask_scripted(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code, Code::cancelled) << text;
  }
}

TEST(ClientAnswers, ThatAreNotHttpAreInvalid) {
  for (const char* text : {"SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
                           "HTTP/1.1 101 Switching Protocols\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    const auto answer = ask_scripted(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code, Code::invalid) << text;
  }
}

TEST(Url, IsTakenApart) {
  const auto expect = [](std::string_view text, const net::Destination& to,
                         std::string_view target) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->destination, to) << text;
    EXPECT_EQ(url->target, target) << text;
  };
  expect("http://a", {"a", 80, false}, "/");
  expect("HTTPS://a.example", {"a.example", 443, true}, "/");
  expect("https://a:8443/b/c?d=e", {"a", 8443, true}, "/b/c?d=e");
  expect("http://[::1]/x", {"::1", 80, false}, "/x");
  expect("http://[::1]:81?q", {"::1", 81, false}, "/?q");
  expect("http://a/b#c", {"a", 80, false}, "/b");
  for (const char* text : {"", "a", "a:80", "ftp://a", "http://", "http://:80", "http://a:x",
                           "http://u@a/", "http://a b/", "http://a/b c", "http://[::1", "//a"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

}  // namespace
}  // namespace bunker::http::testing
