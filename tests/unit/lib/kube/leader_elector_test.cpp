#include "lib/kube/leader_elector.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/fenced_client.h"
#include "lib/kube/object_json.h"
#include "tests/support/memory_api_server.h"

namespace bunker::kube {
namespace {

using namespace std::chrono_literals;

const Resource kLeases = builtin_resource({"coordination.k8s.io", "v1", "Lease"}).value();
const ObjectKey kLease{"ns", "op"};

// A program that competes.
struct Candidate {
  Candidate(MemoryApiServer& server, const std::string& identity, LeaseTimes times)
      : elector(server, {kLease, identity, times}, clock, log, metrics),
        thread([this](std::stop_token stop) { elector.run(std::move(stop)); }) {}

  SystemClock clock;
  Metrics metrics;
  Logger log{{LogLevel::error, LogFormat::text, {}, 2}};
  LeaderElector elector;
  std::jthread thread;
};

constexpr LeaseTimes kQuick{1000ms, 700ms, 20ms};

TEST(LeaderElectorTest, OneOfManyLeadsAndTheNextFollowsAtOnceWhenItLeaves) {
  MemoryApiServer server;
  std::vector<std::unique_ptr<Candidate>> all;
  for (const char* name : {"a", "b", "c"}) {
    all.push_back(std::make_unique<Candidate>(server, name, LeaseTimes{60s, 40s, 10ms}));
  }
  while (!all.empty()) {
    std::size_t leader = all.size();
    while (leader == all.size()) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i]->elector.leading()) leader = i;
      }
      std::this_thread::yield();
    }
    const auto leading =
        std::ranges::count_if(all, [](auto& each) { return each->elector.leading(); });
    EXPECT_EQ(leading, 1);
    // With a lease of a minute, the test would time out if it were not let go of.
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(leader));
  }
  EXPECT_EQ(at(server.get(kLeases, kLease).value(), "/spec/holderIdentity"), "");
}

TEST(LeaderElectorTest, LeadingEndsByItselfWhenTheLeaseCannotBeRenewed) {
  MemoryApiServer server;
  Candidate one(server, "a", kQuick);
  ASSERT_TRUE(one.elector.wait_until_leading({}));
  FencedClient fenced(server, [&] { return one.elector.leading(); });
  server.fail_all(Code::retry_later);
  while (one.elector.leading()) std::this_thread::yield();
  const auto refused = fenced.apply(kLeases, Object(), {});
  EXPECT_EQ(refused.error().code, Code::cancelled);
  server.stop_failing();
  EXPECT_TRUE(one.elector.wait_until_leading({}));
}

TEST(LeaderElectorTest, WhoIsSilentIsFollowedButOnlyAfterItStopped) {
  MemoryApiServer server;
  // A holder that was killed: its lease stays as it was.
  LeaseView dead("dead");
  dead.observe(std::nullopt, {});
  ASSERT_TRUE(server.create(kLeases, dead.taken(kLease, kQuick, SystemTime())));
  const auto began = std::chrono::steady_clock::now();
  Candidate next(server, "next", kQuick);
  ASSERT_TRUE(next.elector.wait_until_leading({}));
  EXPECT_GE(std::chrono::steady_clock::now() - began, kQuick.duration);
  EXPECT_EQ(at(server.get(kLeases, kLease).value(), "/spec/leaseTransitions"), 1);
}

TEST(LeaderElectorTest, WaitingEndsWhenItIsStopped) {
  MemoryApiServer server;
  server.fail_all(Code::retry_later);
  Candidate one(server, "a", kQuick);
  std::stop_source stop;
  std::jthread waiter([&] { EXPECT_FALSE(one.elector.wait_until_leading(stop.get_token())); });
  stop.request_stop();
}

}  // namespace
}  // namespace bunker::kube
