#include "registryd/ops/health.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/random.h"
#include "lib/http/client.h"
#include "lib/http/server.h"
#include "lib/net/dialer.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/ops/health_checks.h"
#include "registryd/ops/health_monitor.h"
#include "registryd/storage/memory/memory_store.h"
#include "tests/unit/registryd/ops/ops_support.h"

namespace bunker::ops {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

const Result<void> kOk;
const Result<void> kBad = fail(Code::retry_later, "no answer");

TEST(HealthTest, AFailureCountsAtOnceWithoutAThreshold) {
  Health health;
  health.add("a", 0);
  EXPECT_TRUE(health.healthy());
  EXPECT_EQ(health.checks().at("a").state, Health::State::pending);
  EXPECT_TRUE(health.report("a", kBad));
  EXPECT_FALSE(health.healthy());
  EXPECT_EQ(health.failing().at("a"), "retry_later: no answer");
  EXPECT_FALSE(health.report("a", kBad));
  EXPECT_TRUE(health.report("a", kOk));
  EXPECT_TRUE(health.healthy());
  EXPECT_TRUE(health.failing().empty());
}

TEST(HealthTest, AThresholdNeedsFailuresInARow) {
  Health health;
  health.add("a", 3);
  health.report("a", kBad);
  health.report("a", kBad);
  EXPECT_TRUE(health.healthy());
  EXPECT_EQ(health.checks().at("a").state, Health::State::passing);
  health.report("a", kOk);
  health.report("a", kBad);
  health.report("a", kBad);
  EXPECT_TRUE(health.healthy());
  health.report("a", kBad);
  EXPECT_FALSE(health.healthy());
  health.report("a", kOk);
  EXPECT_TRUE(health.healthy());
}

TEST(HealthTest, OneFailingCheckIsEnough) {
  Health health;
  for (const char* name : {"a", "b", "c"}) health.add(name, 1);
  health.report("a", kBad);
  health.report("b", kBad);
  health.report("c", kOk);
  health.report("a", kOk);
  EXPECT_FALSE(health.healthy());
  EXPECT_EQ(health.failing().size(), 1u);
  health.report("b", kOk);
  EXPECT_TRUE(health.healthy());
}

TEST(FileCheckTest, FailsWhileTheFileExists) {
  const std::string path = testing::TempDir() + random_uuid();
  const HealthCheck check = file_check(path);
  EXPECT_EQ(check.name, path);
  EXPECT_TRUE(run_task(check.run()));
  std::ofstream(path) << "down for repair";
  EXPECT_THAT(run_task(check.run()).error().message, HasSubstr("exists"));
  std::filesystem::remove(path);
  EXPECT_TRUE(run_task(check.run()));
}

TEST(StorageCheckTest, AsksTheStore) {
  const auto store = storage::make_memory_store();
  const HealthCheck check = storage_check(*store, seconds(5));
  EXPECT_EQ(check.name, "storagedriver_inmemory");
  EXPECT_TRUE(run_task(check.run()));
}

// A port that listens on 127.0.0.1 and accepts nothing.
class Port {
 public:
  Port() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address_), size), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size);
  }
  ~Port() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  [[nodiscard]] std::string number() const { return std::to_string(ntohs(address_.sin_port)); }

 private:
  int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address_{};
};

TEST(TcpCheckTest, FailsWhenNothingListens) {
  BlockingPool pool(1);
  net::SocketDialer dialer(pool, nullptr);
  Port port;
  const auto check = tcp_check("127.0.0.1:" + port.number(), seconds(5), dialer);
  EXPECT_TRUE(run_task(check.run()));
  EXPECT_TRUE(run_task(tcp_check("localhost:" + port.number(), seconds(5), dialer).run()));
  port.close();
  EXPECT_EQ(run_task(check.run()).error().code, Code::retry_later);
}

TEST(TcpCheckTest, AnAddressThatMeansNothingIsAnError) {
  BlockingPool pool(1);
  net::SocketDialer dialer(pool, nullptr);
  for (const char* address : {"127.0.0.1:no-such-port", "no-such-host.invalid:80", "x"}) {
    EXPECT_FALSE(run_task(tcp_check(address, seconds(1), dialer).run())) << address;
  }
}

// A server of our own that answers every HEAD with 204, where the token is right.
class HttpCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start());
    threads_.start();
  }
  void TearDown() override {
    server_.drain(milliseconds(100));
    threads_.stop();
    pool_.wait_idle();
  }

  static Task<http::Response> answer(http::Request& request) {
    const bool expected =
        request.method == http::Method::head && request.headers.get("X-Token") == "secret";
    co_return http::Response(expected ? 204 : 403);
  }

  // The check's outcome; it runs on the server's own thread.
  Result<void> run(HttpProbe probe) {
    const HealthCheck check = http_check(std::move(probe), client_);
    std::promise<Result<void>> result;
    threads_.spawn(0, [&]() -> Task<void> { result.set_value(co_await check.run()); });
    return result.get_future().get();
  }

  HttpProbe probe(const std::string& token, int status) {
    HttpProbe out;
    out.url = "http://" + server_.bound_address() + "/ready?x=1";
    out.headers.add("X-Token", token);
    out.status = status;
    return out;
  }

  BlockingPool pool_{1};
  net::SocketDialer dialer_{pool_, nullptr};
  http::Client client_{dialer_};
  IoThreads threads_{1};
  http::Server server_{threads_, {.address = "127.0.0.1:0"}, [](Context&, http::Request& request) {
                         return answer(request);
                       }};
};

TEST_F(HttpCheckTest, ComparesTheStatus) {
  EXPECT_TRUE(run(probe("secret", 204)));
  EXPECT_TRUE(run(probe("wrong", 403)));
  const auto other = run(probe("wrong", 204));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("/ready?x=1 answered 403 instead of 204"));
  EXPECT_THAT(to_string(other.error()), ::testing::Not(HasSubstr("wrong")));
}

TEST_F(HttpCheckTest, FailsWhereNoAnswerComes) {
  Port closed;
  HttpProbe nobody;
  nobody.url = "http://127.0.0.1:" + closed.number();
  nobody.timeout = milliseconds(50);  // it accepts connections and never says a word
  EXPECT_EQ(run(nobody).error().code, Code::retry_later);
  closed.close();
  EXPECT_FALSE(run(nobody));
  nobody.url = "ftp://127.0.0.1/";
  EXPECT_EQ(run(nobody).error().code, Code::invalid);
}

TEST(HealthMonitorTest, KeepsHealthUpToDateUntilStopped) {
  Logger log(quiet());
  Metrics metrics;
  Health health;
  std::atomic<bool> well = false;
  std::atomic<int> runs = 0;
  HealthCheck check;
  check.name = "thing";
  check.interval = milliseconds(1);
  check.run = [&]() -> Task<Result<void>> {
    ++runs;
    if (!well) co_return fail(Code::retry_later, "not well");
    co_return Result<void>();
  };
  IoThreads threads(1);
  threads.start();
  HealthMonitor monitor(threads, {check}, health, log, metrics);
  const auto wait_until = [](auto condition) {
    while (!condition()) std::this_thread::sleep_for(milliseconds(1));
  };
  wait_until([&] { return !health.healthy(); });
  EXPECT_EQ(series(metrics, "bunker_health_check_up{check=\"thing\"}"), 0);
  well = true;
  wait_until([&] { return health.healthy(); });
  wait_until([&] { return series(metrics, "bunker_health_check_up{check=\"thing\"}") == 1; });
  monitor.stop();
  const int before = runs;
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(runs, before);
}

}  // namespace
}  // namespace bunker::ops
