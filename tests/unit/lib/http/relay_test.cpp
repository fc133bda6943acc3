// Answers that come from another server and go to the client without being copied on their way.
#include <atomic>
#include <chrono>

#include <unistd.h>

#include "lib/http/client.h"
#include "lib/net/pipe.h"
#include "lib/runtime/blocking_pool.h"
#include "tests/unit/lib/http/pattern.h"
#include "tests/unit/lib/http/server_fixture.h"

namespace bunker::http::testing {
namespace {

using std::chrono::milliseconds;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// `text` in pieces of many sizes, with pauses in which the receiver runs dry; then the end, or not.
class Cut final : public ByteSource {
 public:
  Cut(std::shared_ptr<const std::string> text, std::size_t end)
      : text_(std::move(text)), end_(end) {}
  Task<Result<std::span<const std::byte>>> read() override {
    if (at_ == end_) {
      if (end_ < text_->size()) co_return fail(Code::data_loss, "the origin breaks off");
      co_return std::span<const std::byte>();
    }
    step_ = step_ * 7 % 1'000'003;
    if (step_ % 5 == 0) co_await sleep_for(milliseconds(1));
    const std::size_t take = std::min<std::size_t>(step_, end_ - at_);
    at_ += take;
    co_return std::as_bytes(std::span(*text_).subspan(at_ - take, take));
  }

 private:
  std::shared_ptr<const std::string> text_;
  std::size_t end_;
  std::size_t at_ = 0;
  std::size_t step_ = 5;
};

struct Moved {
  std::atomic<std::size_t> read = 0;
  std::atomic<std::size_t> piped = 0;
};

// Another source, and which way its bytes go.
class Counted final : public ByteSource {
 public:
  Counted(std::unique_ptr<ByteSource> inner, Moved& moved)
      : inner_(std::move(inner)), moved_(moved) {}
  Task<Result<std::span<const std::byte>>> read() override {
    auto piece = co_await inner_->read();
    if (piece) moved_.read += piece->size();
    co_return piece;
  }
  Task<std::size_t> read_to_pipe(int pipe, std::size_t most) override {
    const std::size_t got = co_await inner_->read_to_pipe(pipe, most);
    moved_.piped += got;
    co_return got;
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  Moved& moved_;
};

// server_ hands on what an origin answers.
class RelayTest : public ServerTest {
 protected:
  // `end`: where the origin breaks off.
  [[nodiscard]] Running start(const std::shared_ptr<const std::string>& text, std::size_t end,
                              bool sized) {
    Server::Options options;
    options.address = "127.0.0.1:0";
    options.observer.connections = [this](std::ptrdiff_t delta) {
      if (delta > 0) ++origin_connections_;
    };
    auto answer = [=](Context&, Request&) -> Task<Response> {
      Response response;
      response.body = Body(std::make_unique<Cut>(text, end), sized ? text->size() : kUnknownLength);
      co_return response;
    };
    origin_ = std::make_unique<Server>(threads_, std::move(options), answer);
    EXPECT_TRUE(origin_->start());
    return serve([this](Context&, Request&) { return relay(); });
  }
  Task<Response> relay() {
    const auto to = parse_url("http://" + origin_->bound_address())->destination;
    auto answer = co_await client_.send(
        to, ClientRequest(), std::chrono::steady_clock::now() + std::chrono::seconds(20));
    if (!answer) co_return Response(502);
    Response response;
    const auto length = answer->content_length.value_or(kUnknownLength);
    response.body = Body(std::make_unique<Counted>(std::move(answer->body), moved_), length);
    co_return response;
  }

  BlockingPool pool_{1};
  net::SocketDialer dialer_{pool_, nullptr};
  Client client_{dialer_};
  Moved moved_;
  std::atomic<int> origin_connections_ = 0;
  std::unique_ptr<Server> origin_;
};

TEST_F(RelayTest, MovesLargeAnswersWithoutReadingThem) {
  const auto text = std::make_shared<const std::string>(pattern(9'000'001));
  const auto running = start(text, text->size(), true);
  RawClient client(address_);
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    EXPECT_TRUE(client.receive().body == *text);
  }
  EXPECT_GT(moved_.piped, text->size());  // of three answers
  EXPECT_EQ(moved_.read + moved_.piped, 3 * text->size());
  EXPECT_EQ(origin_connections_, 1) << "an answer that was sent whole leaves its connection";
}

TEST_F(RelayTest, ReadsWhatIsSmall) {
  const auto text = std::make_shared<const std::string>(pattern(10'000));
  const auto running = start(text, text->size(), true);
  RawClient client(address_);
  client.send(kGet);
  EXPECT_TRUE(client.receive().body == *text);
  EXPECT_EQ(moved_.piped, 0U);
}

TEST_F(RelayTest, ReadsWhatHasNoLength) {
  const auto text = std::make_shared<const std::string>(pattern(3'000'000));
  const auto running = start(text, text->size(), false);
  RawClient client(address_);
  client.send(kGet);
  EXPECT_TRUE(client.receive().body == *text);
  EXPECT_EQ(moved_.piped, 0U);
}

TEST_F(RelayTest, ManyAtOnceDoNotMixTheirBytes) {
  const auto text = std::make_shared<const std::string>(pattern(2'000'000));
  const auto running = start(text, text->size(), true);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(std::make_unique<RawClient>(address_, 16 * 1024));
  for (auto& client : clients) client->send(kGet);
  for (auto& client : clients) EXPECT_TRUE(client->receive().body == *text);
}

TEST_F(RelayTest, AnOriginThatBreaksOffEndsTheAnswer) {
  const auto text = std::make_shared<const std::string>(pattern(5'000'000));
  const auto running = start(text, 3'000'000, true);
  RawClient client(address_);
  client.send(kGet);
  const auto answer = client.receive();
  EXPECT_FALSE(answer.complete);
  EXPECT_TRUE(text->starts_with(answer.body));
}

TEST_F(RelayTest, AClientThatLeavesLeavesNothingForTheNext) {
  const auto text = std::make_shared<const std::string>(pattern(5'000'000));
  const auto running = start(text, text->size(), true);
  for (int i = 0; i < 5; ++i) {
    RawClient leaving(address_, 16 * 1024);
    leaving.send(kGet);
    EXPECT_NE(leaving.receive_some(), "");
    leaving.reset();
  }
  RawClient client(address_);
  client.send(kGet);
  EXPECT_TRUE(client.receive().body == *text);
}

std::size_t capacity(const net::Pipe& pipe) {
  const std::string page(4096, 'x');
  std::size_t held = 0;
  while (::write(pipe.in->fd(), page.data(), page.size()) > 0) held += page.size();
  return held;
}

TEST(PipePool, GivesPipesOfWhichAFewAreLarge) {
  net::PipePool pool;
  std::vector<net::Pipe> large;
  for (int i = 0; i < net::PipePool::kMostLarge; ++i) {
    large.push_back(*pool.take());
    EXPECT_EQ(capacity(large.back()), net::PipePool::kLargeBytes);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(capacity(*pool.take()), net::PipePool::kBytes);
  // Lost in the middle of a body, which makes place for another.
  large.pop_back();
  EXPECT_EQ(capacity(*pool.take()), net::PipePool::kLargeBytes);
}

TEST(PipePool, GivesBackWhatItWasGiven) {
  net::PipePool pool;
  auto pipe = pool.take();
  ASSERT_TRUE(pipe);
  const int in = pipe->in->fd();
  pool.give_back(*std::move(pipe));
  EXPECT_EQ(pool.take()->in->fd(), in);
}

}  // namespace
}  // namespace bunker::http::testing
