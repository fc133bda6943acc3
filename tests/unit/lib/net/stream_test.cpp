#include "lib/net/stream.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/net/pipe.h"
#include "lib/net/tcp_stream.h"

namespace bunker::net {
namespace {

using std::chrono::milliseconds;

// Two connected streams on one io_context.
class StreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ignore_sigpipe();
    std::array<int, 2> fds{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    left_ = std::make_unique<TcpStream>(context_, fds[0]);
    right_ = std::make_unique<TcpStream>(context_, fds[1]);
  }

  // Starts `task`; its value is in the result once run() is over.
  template <class T>
  std::shared_ptr<std::optional<T>> start(Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    ++running_;
    auto store = [](Task<T> inner, std::shared_ptr<std::optional<T>> out) -> Task<void> {
      out->emplace(co_await std::move(inner));
    };
    asio::co_spawn(context_, store(std::move(task), result),
                   [this](const std::exception_ptr& error) {
                     --running_;
                     if (error) std::rethrow_exception(error);
                   });
    return result;
  }
  // Until every task is done.
  void run() {
    context_.restart();
    while (running_ > 0) context_.run_one();
  }

  asio::io_context context_{1};
  int running_ = 0;
  std::unique_ptr<TcpStream> left_;
  std::unique_ptr<TcpStream> right_;
};

Task<Result<void>> write_all(Stream& stream, std::string text) {
  std::array<iovec, 3> pieces{iovec{text.data(), 1}, iovec{nullptr, 0},
                              iovec{text.data() + 1, text.size() - 1}};
  co_return co_await stream.write(pieces);
}

Task<std::string> read_to_end(Stream& stream) {
  std::string out;
  std::array<std::byte, 1000> buffer;
  while (true) {
    const auto got = co_await stream.read_some(buffer);
    if (!got) co_return out + " " + got.error().message;
    if (*got == 0) co_return out;
    out.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
}

Task<Result<void>> write_and_end(Stream& stream, std::string text) {
  auto written = co_await write_all(stream, std::move(text));
  stream.shutdown_send();
  co_return written;
}

// Hands on what `from` yields to `to`, through a pipe.
Task<Result<void>> hand_on(Stream& from, Stream& to, PipePool& pipes) {
  auto pipe = pipes.take();
  while (true) {
    BUNKER_CO_TRY_ASSIGN(const std::size_t got,
                         co_await from.receive_to_pipe(pipe->in->fd(), 1 << 20));
    if (got == 0) break;
    BUNKER_CO_TRY(co_await to.send_from_pipe(pipe->out->fd(), got));
  }
  to.shutdown_send();
  co_return Result<void>();
}

TEST_F(StreamTest, HandsBytesOnThroughAPipe) {
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
  TcpStream next(context_, fds[0]);
  TcpStream last(context_, fds[1]);
  std::string text(3'000'000, 'a');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i % 251);
  PipePool pipes;
  const auto written = start(write_and_end(*left_, text));
  const auto handed = start(hand_on(*right_, next, pipes));
  const auto received = start(read_to_end(last));
  run();
  EXPECT_TRUE(**written && **handed);
  EXPECT_TRUE(*received == text);
  EXPECT_EQ(right_->moved(), text.size());
  EXPECT_EQ(next.moved(), text.size());
}

TEST_F(StreamTest, MovesMoreThanTheSocketHolds) {
  const std::string text(5'000'000, 'x');
  const auto write = [](Stream& stream, std::string all) -> Task<Result<void>> {
    auto result = co_await write_all(stream, std::move(all));
    stream.shutdown_send();
    co_return result;
  };
  const auto written = start(write(*left_, text));
  const auto read = start(read_to_end(*right_));
  run();
  EXPECT_TRUE(written->value());
  EXPECT_TRUE(read->value() == text);
}

TEST_F(StreamTest, SendsFiles) {
  std::string path = ::testing::TempDir() + "bunker_stream_XXXXXX";
  const auto file = std::make_shared<FileHandle>(::mkstemp(path.data()));
  ::unlink(path.c_str());
  const std::string text(3'000'000, 'f');
  ASSERT_EQ(::write(file->fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  const auto send = [](Stream& stream, FileRegion region) -> Task<Result<void>> {
    auto result = co_await stream.send_file(std::move(region));
    stream.shutdown_send();
    co_return result;
  };
  const auto sent = start(send(*left_, {file, 1, 2'999'999}));
  const auto read = start(read_to_end(*right_));
  run();
  EXPECT_TRUE(sent->value());
  EXPECT_EQ(read->value().size(), 2'999'999U);
  const auto beyond = start(left_->send_file({file, 2'999'999, 2}));
  run();
  EXPECT_FALSE(beyond->value());
}

TEST_F(StreamTest, ADeadlineEndsAWait) {
  left_->set_deadline(std::chrono::steady_clock::now() + milliseconds(30));
  const auto result = start(left_->wait(Want::read));
  const auto begin = std::chrono::steady_clock::now();
  run();
  EXPECT_EQ(result->value().error().code, Code::retry_later);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(29));
}

TEST_F(StreamTest, ADeadlineInThePastEndsAWaitToo) {
  left_->set_deadline(std::chrono::steady_clock::now() - milliseconds(30));
  const auto result = start(left_->wait(Want::read));
  run();
  EXPECT_EQ(result->value().error().code, Code::retry_later);
}

TEST_F(StreamTest, AnEarlierDeadlineIsNotMissedBehindALaterOne) {
  left_->set_deadline(std::chrono::steady_clock::now() + std::chrono::hours(1));
  right_->set_deadline(std::chrono::steady_clock::now() + milliseconds(30));
  const auto shut_left = [](Stream& first, Stream& second) -> Task<Result<void>> {
    auto result = co_await second.wait(Want::read);
    first.interrupt();
    co_return result;
  };
  const auto left = start(left_->wait(Want::read));
  const auto right = start(shut_left(*left_, *right_));
  run();
  EXPECT_EQ(right->value().error().code, Code::retry_later);
  EXPECT_EQ(left->value().error().code, Code::retry_later);
}

TEST_F(StreamTest, ADeadlineThatMovesLaterIsKept) {
  const auto keep_moving = [](Stream& stream) -> Task<Result<void>> {
    for (int i = 0; i < 5; ++i) {
      stream.set_deadline(std::chrono::steady_clock::now() + milliseconds(500));
      std::array<std::byte, 1> one;
      BUNKER_CO_TRY(co_await stream.read_some(one));
    }
    co_return Result<void>();
  };
  const auto feed = [](Stream& stream) -> Task<Result<void>> {
    for (int i = 0; i < 5; ++i) {
      asio::basic_waitable_timer<std::chrono::steady_clock,
                                 asio::wait_traits<std::chrono::steady_clock>, Executor>
          timer(co_await asio::this_coro::executor, milliseconds(30));
      co_await timer.async_wait(use_task);
      std::string byte = "x";
      std::array<iovec, 1> pieces{iovec{byte.data(), 1}};
      BUNKER_CO_TRY(co_await stream.write(pieces));
    }
    co_return Result<void>();
  };
  const auto read = start(keep_moving(*left_));
  const auto written = start(feed(*right_));
  run();
  EXPECT_TRUE(read->value());
  EXPECT_TRUE(written->value());
}

TEST_F(StreamTest, AnInterruptBeforeTheWaitCounts) {
  left_->interrupt();
  const auto result = start(left_->wait(Want::read));
  run();
  EXPECT_EQ(result->value().error().code, Code::retry_later);
  left_->set_deadline(SteadyTime::max());
  EXPECT_FALSE(left_->interrupted());
}

TEST_F(StreamTest, APeerThatIsTooSlowIsInterrupted) {
  left_->set_pace({milliseconds(50), 10});
  const auto result = start(read_to_end(*left_));
  const auto feed = [](Stream& stream) -> Task<std::string> {
    const auto written = co_await write_all(stream, "123456789");  // one byte too few
    co_return written ? "" : written.error().message;
  };
  start(feed(*right_));
  run();
  EXPECT_TRUE(result->value().starts_with("123456789 the peer was too slow")) << result->value();
}

TEST_F(StreamTest, WritingToAPeerThatLeftIsAnError) {
  right_.reset();
  const auto result = start(write_all(*left_, "hello"));
  run();
  EXPECT_EQ(result->value().error().code, Code::cancelled);
  std::string path = ::testing::TempDir() + "bunker_stream_XXXXXX";
  const auto file = std::make_shared<FileHandle>(::mkstemp(path.data()));
  ::unlink(path.c_str());
  ASSERT_EQ(::write(file->fd(), "hello", 5), 5);
  const auto sent = start(left_->send_file({file, 0, 5}));
  run();
  EXPECT_EQ(sent->value().error().code, Code::cancelled);
}

TEST_F(StreamTest, LingerWaitsForThePeerToClose) {
  const auto linger = [](Stream& stream) -> Task<int> {
    co_await stream.linger(std::chrono::hours(1), std::chrono::hours(1));
    co_return 1;
  };
  const auto answer = [](Stream& stream) -> Task<std::string> {
    auto last_words = co_await read_to_end(stream);
    const auto written = co_await write_all(stream, std::string(3'000'000, 'x'));
    stream.shutdown_send();
    co_return written ? last_words : written.error().message;
  };
  const auto lingered = start(linger(*left_));
  const auto answered = start(answer(*right_));
  run();
  EXPECT_EQ(lingered->value(), 1);
  EXPECT_EQ(answered->value(), "");
}

TEST_F(StreamTest, LingerGivesASilentPeerUp) {
  const auto linger = [](Stream& stream) -> Task<int> {
    co_await stream.linger(milliseconds(30), std::chrono::hours(1));
    co_return 1;
  };
  const auto lingered = start(linger(*left_));
  run();
  EXPECT_EQ(lingered->value(), 1);
}

TEST(IgnoreSigpipe, KeepsAHandlerThatIsSet) {
  const auto before = ::signal(SIGPIPE, [](int) {});
  ignore_sigpipe();
  const auto after = ::signal(SIGPIPE, SIG_DFL);
  EXPECT_NE(after, SIG_IGN);
  EXPECT_NE(after, SIG_DFL);
  ignore_sigpipe();
  EXPECT_EQ(::signal(SIGPIPE, before), SIG_IGN);
}

}  // namespace
}  // namespace bunker::net
