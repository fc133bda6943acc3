// Paths, retries and leases: rules without I/O.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/lease.h"
#include "lib/kube/object_json.h"
#include "lib/kube/resource.h"
#include "lib/kube/retry.h"

namespace bunker::kube {
namespace {

using namespace std::chrono_literals;

TEST(ResourceTest, PathsAreTheApiServers) {
  const Resource deployments = builtin_resource({"apps", "v1", "Deployment"}).value();
  EXPECT_EQ(collection_path(deployments, ""), "/apis/apps/v1/deployments");
  EXPECT_EQ(object_path(deployments, {"prod", "web"}, "status"),
            "/apis/apps/v1/namespaces/prod/deployments/web/status");
  EXPECT_EQ(object_path(builtin_resource({"", "v1", "Namespace"}).value(), {"", "x"}),
            "/api/v1/namespaces/x");
  EXPECT_EQ(object_path(deployments, {"a/../b", "c?d"}),
            "/apis/apps/v1/namespaces/a%2F..%2Fb/deployments/c%3Fd");
  EXPECT_FALSE(builtin_resource({"apps", "v2", "Deployment"}));
  EXPECT_EQ(with_query("/x", {{"a", "1"}, {"none", ""}, {"b", "k=v,w"}}), "/x?a=1&b=k%3Dv%2Cw");
}

TEST(RetryTest, WhatMayHaveBeenDoneIsRepeatedOnlyIfThatDoesNoHarm) {
  const RetryPolicy policy;
  EXPECT_TRUE(retry_pause(policy, {500, 1, true, {}, 0}));
  EXPECT_FALSE(retry_pause(policy, {500, 1, false, {}, 0}));
  EXPECT_TRUE(retry_pause(policy, {0, 1, true, {}, 0}));
  EXPECT_FALSE(retry_pause(policy, {0, 1, false, {}, 0}));
  EXPECT_TRUE(retry_pause(policy, {429, 1, false, {}, 0}));
  EXPECT_TRUE(retry_pause(policy, {503, 1, false, 1s, 0}));
  EXPECT_FALSE(retry_pause(policy, {409, 1, true, {}, 0}));
  EXPECT_FALSE(retry_pause(policy, {500, policy.attempts, true, {}, 0}));
}

TEST(RetryTest, PausesGrowAndAreWhatTheServerAsksForWithinBounds) {
  const RetryPolicy policy;
  EXPECT_EQ(retry_pause(policy, {500, 1, true, {}, 0.5}), 50ms);
  EXPECT_EQ(retry_pause(policy, {500, 3, true, {}, 0.5}), 200ms);
  EXPECT_EQ(retry_pause(policy, {429, 1, true, 2s, 0}), 2s);
  EXPECT_EQ(retry_pause(policy, {429, 1, true, 3600s, 0}), policy.longest_asked_for);
}

class LeaseTest : public testing::Test {
 protected:
  const ObjectKey key_{"kube-system", "op"};
  const LeaseTimes times_;
  const SteadyTime start_{100h};
  const SystemTime wall_{1'700'000'000s};
};

TEST_F(LeaseTest, ALeaseThatIsNotThereMayBeTaken) {
  LeaseView a("a");
  a.observe(std::nullopt, start_);
  ASSERT_TRUE(a.may_take(start_));
  const Object taken = a.taken(key_, times_, wall_);
  EXPECT_EQ(at(taken, "/spec/holderIdentity"), "a");
  EXPECT_EQ(at(taken, "/spec/leaseDurationSeconds"), 15);
  EXPECT_EQ(at(taken, "/spec/renewTime"), "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(at(taken, "/spec/leaseTransitions"), 0);
}

TEST_F(LeaseTest, AnotherMayTakeItOnlyWhenItsHolderIsSilent) {
  LeaseView a("a");
  a.observe(std::nullopt, start_);
  LeaseView b("b");
  b.observe(a.taken(key_, times_, wall_), start_);
  EXPECT_FALSE(b.may_take(start_ + 14s));
  // It is renewed: its time counts from when that was seen.
  b.observe(a.taken(key_, times_, wall_ + 14s), start_ + 14s);
  EXPECT_FALSE(b.may_take(start_ + 28s));
  b.observe(a.taken(key_, times_, wall_ + 14s), start_ + 28s);  // the same again: no sign of life
  EXPECT_TRUE(b.may_take(start_ + 29s));
  EXPECT_EQ(at(b.taken(key_, times_, wall_), "/spec/leaseTransitions"), 1);
}

TEST_F(LeaseTest, AWrongClockOfTheHolderDoesNotMatter) {
  LeaseView a("a");
  a.observe(std::nullopt, start_);
  LeaseView b("b");
  b.observe(a.taken(key_, times_, wall_ - 1000h), start_);
  EXPECT_FALSE(b.may_take(start_ + 14s));
}

TEST_F(LeaseTest, OneThatWasLetGoMayBeTakenAtOnce) {
  LeaseView a("a");
  a.observe(std::nullopt, start_);
  a.observe(a.taken(key_, times_, wall_), start_);
  LeaseView b("b");
  b.observe(a.released(key_, wall_), start_);
  EXPECT_TRUE(b.may_take(start_));
}

}  // namespace
}  // namespace bunker::kube
