#include "certsidecar/sds/subscription.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bunker::certsidecar {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FullSubscriptionTest : public testing::Test {
 protected:
  Answer ask(std::vector<std::string> names, const std::string& nonce = "",
             const std::string& version = "", bool refuses = false) {
    return stream_.on_request({version, nonce, std::move(names), refuses});
  }

  SecretVersions all_ = {{"ca", "1"}, {"server", "1"}};
  FullSubscription stream_;
};

TEST_F(FullSubscriptionTest, SendsOnRequestAndOnChangeOnly) {
  EXPECT_FALSE(stream_.next(all_).has_value());
  EXPECT_EQ(ask({"server"}), Answer::request);
  const auto first = stream_.next(all_);
  ASSERT_TRUE(first.has_value());
  EXPECT_THAT(first->names, ElementsAre("server"));
  EXPECT_FALSE(stream_.settled(all_));
  all_["server"] = "2";
  EXPECT_FALSE(stream_.next(all_).has_value());  // one at a time
  EXPECT_EQ(ask({"server"}, first->nonce, first->version), Answer::accepted);
  const auto second = stream_.next(all_);
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(second->version, first->version);
  EXPECT_NE(second->nonce, first->nonce);
  EXPECT_EQ(ask({"server"}, second->nonce, second->version), Answer::accepted);
  EXPECT_TRUE(stream_.settled(all_));
  all_["ca"] = "2";  // nobody asked for it
  EXPECT_FALSE(stream_.next(all_).has_value());
}

TEST_F(FullSubscriptionTest, ARefusedVersionIsNotSentAgain) {
  ask({"server"});
  const auto first = stream_.next(all_);
  EXPECT_EQ(ask({"server"}, first->nonce, "", true), Answer::refused);
  EXPECT_FALSE(stream_.next(all_).has_value());
  EXPECT_FALSE(stream_.settled(all_));
  all_["server"] = "2";
  const auto second = stream_.next(all_);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(ask({"server"}, second->nonce, second->version), Answer::accepted);
  EXPECT_TRUE(stream_.settled(all_));
}

TEST_F(FullSubscriptionTest, AStaleNonceIsIgnored) {
  ask({"server"});
  const auto first = stream_.next(all_);
  EXPECT_EQ(ask({"ca"}, "other", first->version), Answer::stale);
  EXPECT_EQ(ask({"server"}, first->nonce, first->version), Answer::accepted);
  EXPECT_FALSE(stream_.next(all_).has_value());
}

TEST_F(FullSubscriptionTest, AddedNamesAreSentAndFewerAreNoNews) {
  ask({"server"});
  const auto first = stream_.next(all_);
  EXPECT_EQ(ask({"server", "ca"}, first->nonce, first->version), Answer::accepted);
  const auto second = stream_.next(all_);
  ASSERT_TRUE(second.has_value());
  EXPECT_THAT(second->names, ElementsAre("ca", "server"));
  ask({"ca"}, second->nonce, second->version);
  EXPECT_FALSE(stream_.next(all_).has_value());
  ask({}, second->nonce, second->version);  // no wildcard
  EXPECT_FALSE(stream_.next(all_).has_value());
  EXPECT_TRUE(stream_.settled(all_));
  ask({"ca"}, second->nonce, second->version);  // asked for anew
  EXPECT_TRUE(stream_.next(all_).has_value());
}

TEST_F(FullSubscriptionTest, AReconnectWithTodaysVersionNeedsNothing) {
  ask({"server"});
  const auto first = stream_.next(all_);
  FullSubscription again;
  again.on_request({first->version, "7", {"server"}, false});
  EXPECT_FALSE(again.next(all_).has_value());
  EXPECT_TRUE(again.settled(all_));
  all_["server"] = "2";
  EXPECT_TRUE(again.next(all_).has_value());
}

TEST_F(FullSubscriptionTest, WaitsForWhatIsNotThereYet) {
  ask({"later"});
  EXPECT_FALSE(stream_.next(all_).has_value());
  EXPECT_TRUE(stream_.settled(all_));
  all_["later"] = "1";
  EXPECT_TRUE(stream_.next(all_).has_value());
}

class DeltaSubscriptionTest : public testing::Test {
 protected:
  SecretVersions all_ = {{"ca", "1"}, {"server", "1"}};
  DeltaSubscription stream_;
};

TEST_F(DeltaSubscriptionTest, SendsWhatChanged) {
  EXPECT_EQ(stream_.on_request({"", {"ca", "server"}, {}, {}, false}), Answer::request);
  const auto first = stream_.next(all_);
  EXPECT_THAT(first->names, ElementsAre("ca", "server"));
  EXPECT_EQ(stream_.on_request({first->nonce, {}, {}, {}, false}), Answer::accepted);
  EXPECT_TRUE(stream_.settled(all_));
  all_["ca"] = "2";
  const auto second = stream_.next(all_);
  EXPECT_THAT(second->names, ElementsAre("ca"));
  EXPECT_EQ(stream_.on_request({second->nonce, {}, {}, {}, true}), Answer::refused);
  EXPECT_FALSE(stream_.settled(all_));
  EXPECT_FALSE(stream_.next(all_).has_value());
  all_.erase("server");
  const auto third = stream_.next(all_);
  EXPECT_THAT(third->names, IsEmpty());
  EXPECT_THAT(third->removed, ElementsAre("server"));
}

TEST_F(DeltaSubscriptionTest, WhatTheClientHasIsNotSent) {
  stream_.on_request({"", {"ca", "server"}, {}, {{"ca", "1"}, {"server", "0"}}, false});
  EXPECT_THAT(stream_.next(all_)->names, ElementsAre("server"));
}

TEST_F(DeltaSubscriptionTest, AskedForAgainItIsSentAgain) {
  stream_.on_request({"", {"ca"}, {}, {}, false});
  const auto first = stream_.next(all_);
  EXPECT_EQ(stream_.on_request({"other", {}, {}, {}, false}), Answer::stale);
  stream_.on_request({first->nonce, {}, {}, {}, false});
  stream_.on_request({"", {"ca"}, {}, {}, false});
  EXPECT_THAT(stream_.next(all_)->names, ElementsAre("ca"));
}

}  // namespace
}  // namespace bunker::certsidecar
