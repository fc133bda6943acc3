#include "lib/net/listener.h"

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <asio/co_spawn.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/net/address.h"

namespace bunker::net {
namespace {

using Listeners = std::vector<std::unique_ptr<Listener>>;

int connect_to(const Endpoint& endpoint) {
  const int fd = ::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, endpoint.address(), endpoint.length) == 0) return fd;
  ::close(fd);
  return -1;
}

class ListenerTest : public ::testing::Test {
 protected:
  Result<Listeners> open(std::string_view network, std::string_view address,
                         std::size_t count = 1) {
    const std::vector<asio::io_context*> contexts(count, &context_);
    return open_listeners(network, address, contexts);
  }

  Result<Accepted> accept(Listener& listener) {
    std::optional<Result<Accepted>> result;
    const auto store = [&]() -> Task<void> { result.emplace(co_await listener.accept()); };
    asio::co_spawn(context_, store(), [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    });
    context_.restart();
    context_.run();
    return *result;
  }

  asio::io_context context_{1};
};

TEST_F(ListenerTest, AcceptsSocketsThatAreReadyToUse) {
  auto listeners = open("tcp", "127.0.0.1:0");
  ASSERT_TRUE(listeners);
  Listener& listener = *listeners->front();
  EXPECT_NE(listener.bound().port(), 0U);
  const int client = connect_to(listener.bound());
  const auto accepted = accept(listener);
  ASSERT_TRUE(accepted);
  EXPECT_TRUE(to_string(accepted->peer).starts_with("127.0.0.1:"));
  EXPECT_NE(::fcntl(accepted->fd, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(accepted->fd, F_GETFD) & FD_CLOEXEC, 0);
  int value = 0;
  socklen_t size = sizeof(value);
  ::getsockopt(accepted->fd, IPPROTO_TCP, TCP_NODELAY, &value, &size);
  EXPECT_NE(value, 0);
  ::getsockopt(accepted->fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size);
  EXPECT_NE(value, 0);
  ::close(accepted->fd);
  ::close(client);
}

TEST_F(ListenerTest, ListenersShareOnePort) {
  const auto listeners = open("tcp", "127.0.0.1:0", 3);
  ASSERT_TRUE(listeners);
  ASSERT_EQ(listeners->size(), 3U);
  for (const auto& listener : *listeners) {
    EXPECT_EQ(listener->bound().port(), listeners->front()->bound().port());
  }
}

TEST_F(ListenerTest, AnEmptyHostTakesIpv4Too) {
  const auto listeners = open("tcp", ":0");
  ASSERT_TRUE(listeners);
  auto ipv4 = listen_endpoints("tcp", "127.0.0.1:0")->front();
  ipv4.set_port(listeners->front()->bound().port());
  const int client = connect_to(ipv4);
  EXPECT_GE(client, 0);
  const auto accepted = accept(*listeners->front());
  ASSERT_TRUE(accepted);
  EXPECT_TRUE(to_string(accepted->peer).starts_with("127.0.0.1:"));
  ::close(accepted->fd);
  ::close(client);
}

TEST_F(ListenerTest, APortInUseIsAConflictEvenForOurselves) {
  const auto first = open("tcp", "127.0.0.1:0");
  ASSERT_TRUE(first);
  const auto second = open("tcp", to_string(first->front()->bound()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
}

TEST_F(ListenerTest, AnAddressOfAnotherMachineIsInvalid) {
  const auto listeners = open("tcp", "192.0.2.1:0");
  ASSERT_FALSE(listeners);
  EXPECT_EQ(listeners.error().code, Code::invalid);
}

TEST_F(ListenerTest, CloseTakesWhatHasArrivedAndThenEnds) {
  const auto listeners = open("tcp", "127.0.0.1:0");
  ASSERT_TRUE(listeners);
  Listener& listener = *listeners->front();
  const int client = connect_to(listener.bound());
  listener.close();
  const auto arrived = accept(listener);
  ASSERT_TRUE(arrived);
  ::close(arrived->fd);
  ::close(client);
  const auto none = accept(listener);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::cancelled);
}

TEST_F(ListenerTest, RunningOutOfDescriptorsIsSurvived) {
  const auto listeners = open("tcp", "127.0.0.1:0");
  ASSERT_TRUE(listeners);
  Listener& listener = *listeners->front();
  const int client = connect_to(listener.bound());
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  ::setrlimit(RLIMIT_NOFILE, &none);
  std::optional<Result<Accepted>> result;
  const auto store = [&]() -> Task<void> { result.emplace(co_await listener.accept()); };
  asio::co_spawn(context_, store(), [](const std::exception_ptr&) {});
  const auto wakeups = context_.run_for(std::chrono::milliseconds(200));
  EXPECT_FALSE(result);
  EXPECT_LT(wakeups, 50U);  // it waits between its tries
  ::setrlimit(RLIMIT_NOFILE, &before);
  context_.run();
  ASSERT_TRUE(result && *result);
  ::close((*result)->fd);
  ::close(client);
}

class UnixListenerTest : public ListenerTest {
 protected:
  ~UnixListenerTest() override { ::unlink(path_.c_str()); }
  [[nodiscard]] bool exists() const {
    struct stat info{};
    return ::lstat(path_.c_str(), &info) == 0;
  }
  std::string path_ = ::testing::TempDir() + "bunker_listener_test.sock";
};

TEST_F(UnixListenerTest, ItsFileGoesWithTheLastListener) {
  {
    auto listeners = open("unix", path_, 2);
    ASSERT_TRUE(listeners);
    const int client = connect_to(listeners->front()->bound());
    const auto accepted = accept(*listeners->back());
    ASSERT_TRUE(accepted);
    EXPECT_EQ(to_string(accepted->peer), "unix");
    ::close(accepted->fd);
    ::close(client);
    listeners->pop_back();
    EXPECT_TRUE(exists());
  }
  EXPECT_FALSE(exists());
}

TEST_F(UnixListenerTest, AStaleFileIsReplacedAndALiveOneIsNot) {
  const auto endpoint = listen_endpoints("unix", path_)->front();
  const int stale = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(stale, endpoint.address(), endpoint.length), 0);
  ::close(stale);
  ASSERT_TRUE(exists());
  const auto listeners = open("unix", path_);
  ASSERT_TRUE(listeners);
  const auto second = open("unix", path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_TRUE(exists());
}

TEST_F(UnixListenerTest, AFileThatIsNoSocketIsLeftAlone) {
  std::FILE* file = std::fopen(path_.c_str(), "w");
  std::fclose(file);
  const auto listeners = open("unix", path_);
  ASSERT_FALSE(listeners);
  EXPECT_EQ(listeners.error().code, Code::conflict);
  EXPECT_TRUE(exists());
}

}  // namespace
}  // namespace bunker::net
