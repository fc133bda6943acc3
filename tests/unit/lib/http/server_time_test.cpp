// Slow clients, silent clients, many clients, and the end of the server.
#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/lib/http/server_fixture.h"

namespace bunker::http::testing {
namespace {

using std::chrono::milliseconds;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Handler large_answer() {
  const auto content = std::make_shared<const std::string>(20'000'000, 'x');
  return [=](Context&, Request&) -> Task<Response> {
    Response response;
    response.body = Body(content);
    co_return response;
  };
}

// Waits until `condition` holds; false after ten seconds.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

TEST_F(ServerTest, AHeadThatDoesNotArriveInTimeIsA408) {
  Server::Options options;
  options.limits.header_time = milliseconds(50);
  const auto running = serve(echo(), std::move(options));
  RawClient client(address_);
  const auto response = client.exchange("GET / HTTP/1.1\r\nHost:");
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, AHeadThatTricklesInIsCutAllTheSame) {
  Server::Options options;
  options.limits.header_time = milliseconds(100);
  const auto running = serve(echo(), std::move(options));
  RawClient client(address_);
  std::atomic<bool> stop = false;
  std::thread sender([&] {
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    while (!stop && client.send("x")) std::this_thread::sleep_for(milliseconds(10));
  });
  EXPECT_EQ(client.receive().status, 408);
  stop = true;
  sender.join();
}

TEST_F(ServerTest, IdleConnectionsAreClosedSilently) {
  Server::Options options;
  options.limits.idle_time = milliseconds(50);
  const auto running = serve(echo(), std::move(options));
  RawClient fresh(address_);
  RawClient used(address_);
  EXPECT_EQ(used.exchange(kGet).status, 200);
  EXPECT_TRUE(fresh.closed());
  EXPECT_TRUE(used.closed());
}

TEST_F(ServerTest, ASilentUploadIsCutWith408) {
  Server::Options options;
  options.limits.stall_time = milliseconds(50);
  const auto running = serve(echo(), std::move(options));
  RawClient client(address_);
  const auto response =
      client.exchange("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_EQ(response.status, 408);
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, ASlowButHonestUploadGoesOn) {
  Server::Options options;
  options.limits.stall_time = milliseconds(500);
  const auto running = serve(echo(), std::move(options));
  RawClient client(address_);
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n");
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(milliseconds(40));
    client.send("x");
  }
  EXPECT_EQ(client.receive().body, "PUT /?\n" + std::string(20, 'x'));
}

TEST_F(ServerTest, AnUploadBelowTheLeastRateIsCut) {
  Server::Options options;
  options.limits.stall_time = milliseconds(100);
  options.limits.stall_bytes = 1000;
  const auto running = serve(echo(), std::move(options));
  RawClient client(address_);
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  std::atomic<bool> stop = false;
  std::thread sender([&] {
    while (!stop && client.send("x")) std::this_thread::sleep_for(milliseconds(10));
  });
  EXPECT_EQ(client.receive().status, 408);
  stop = true;
  sender.join();
}

TEST_F(ServerTest, AClientThatDoesNotReadItsResponseIsCut) {
  std::atomic<int> open = 0;
  Server::Options options;
  options.limits.stall_time = milliseconds(50);
  options.observer.connections = [&](std::ptrdiff_t delta) { open += static_cast<int>(delta); };
  const auto running = serve(large_answer(), std::move(options));
  RawClient client(address_, 4096);
  client.send(kGet);
  EXPECT_NE(client.receive_some(), "");
  EXPECT_TRUE(eventually([&] { return open == 0; }));
}

TEST_F(ServerTest, ASlowHandlerIsNotTheClientsFault) {
  Server::Options options;
  options.limits.stall_time = milliseconds(50);
  const auto running = serve(
      [](Context&, Request& request) -> Task<Response> {
        co_await sleep_for(milliseconds(200));
        auto body = co_await read_all(*request.body, 100);
        co_return Response(body ? 200 : 500);
      },
      std::move(options));
  RawClient client(address_);
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.receive().status, 200);
}

TEST_F(ServerTest, DrainClosesIdleConnectionsAndRefusesNewOnes) {
  const auto running = serve(echo());
  RawClient idle(address_);
  EXPECT_EQ(idle.exchange(kGet).status, 200);
  EXPECT_EQ(server_->drain(milliseconds(5000)), 0U);
  EXPECT_TRUE(idle.closed());
  const auto endpoint = net::listen_endpoints("tcp", address_)->front();
  const int fd = ::socket(endpoint.family(), SOCK_STREAM, 0);
  EXPECT_NE(::connect(fd, endpoint.address(), endpoint.length), 0);
  ::close(fd);
}

TEST_F(ServerTest, DrainLetsRunningRequestsFinish) {
  std::promise<void> entered;
  const auto running = serve([&](Context&, Request&) -> Task<Response> {
    entered.set_value();
    co_await sleep_for(milliseconds(200));
    co_return Response(201);
  });
  RawClient client(address_);
  client.send(kGet);
  entered.get_future().wait();
  auto drained = std::async([&] { return server_->drain(milliseconds(5000)); });
  const auto response = client.receive();
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_TRUE(client.closed());
  client.finish_sending();
  EXPECT_EQ(drained.get(), 0U);
}

TEST_F(ServerTest, DrainCutsWhatDoesNotEnd) {
  const auto running = serve(large_answer());
  RawClient client(address_, 4096);
  client.send(kGet);
  EXPECT_NE(client.receive_some(), "");
  EXPECT_EQ(server_->drain(milliseconds(100)), 1U);
}

TEST_F(ServerTest, AServerMayGoWhileAHandlerRuns) {
  std::promise<void> entered;
  const auto running = serve([&](Context&, Request&) -> Task<Response> {
    entered.set_value();
    co_await sleep_for(std::chrono::hours(1));
    co_return Response();
  });
  RawClient client(address_);
  client.send(kGet);
  entered.get_future().wait();
  server_.reset();
  EXPECT_FALSE(client.receive().complete);
}

std::size_t resident_kib() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

// Prints what an idle connection costs; fails only when it is out of all proportion.
TEST_F(ServerTest, IdleConnectionsCostLittle) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 21'000);
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t count = std::min<std::size_t>(10'000, (files.rlim_cur - 200) / 2);

  // The last connections close when the threads end, which is after this test's own frame.
  const auto open = std::make_shared<std::atomic<std::size_t>>(0);
  Server::Options options;
  options.observer.connections = [open](std::ptrdiff_t delta) {
    *open += static_cast<std::size_t>(delta);
  };
  const auto running = serve(echo(), std::move(options));
  std::vector<std::unique_ptr<RawClient>> clients;
  clients.reserve(count);
  const std::size_t before = resident_kib();
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RawClient>(address_));
    ASSERT_EQ(clients.back()->exchange(kGet).status, 200);
  }
  EXPECT_EQ(*open, count);
  const double each = static_cast<double>(resident_kib() - before) / static_cast<double>(count);
  std::printf("%zu idle connections: %.2f KiB each, both ends together\n", count, each);
  RecordProperty("kib_per_idle_connection", std::to_string(each));
  EXPECT_LT(each, 64);
  EXPECT_EQ(clients.front()->exchange(kGet).status, 200);
}

}  // namespace
}  // namespace bunker::http::testing
