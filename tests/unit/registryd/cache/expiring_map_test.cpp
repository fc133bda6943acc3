#include "registryd/cache/expiring_map.h"

#include <gtest/gtest.h>

namespace bunker::cache {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{1h};

class ExpiringMapTest : public ::testing::Test {
 protected:
  void keep(const std::string& key, int value, SteadyTime expires = kStart + 4s) {
    map_.keep(key, value, expires, map_.ticket(key));
  }
  ExpiringMap<int> map_{80};
};

TEST_F(ExpiringMapTest, EntriesExpire) {
  keep("a", 1);
  EXPECT_EQ(map_.find("a", kStart), 1);
  EXPECT_EQ(map_.find("a", kStart + 4s - 1ns), 1);
  EXPECT_EQ(map_.find("a", kStart + 4s), std::nullopt);
  EXPECT_EQ(map_.size(), 0U);
  keep("a", 2);
  keep("a", 3);
  EXPECT_EQ(map_.find("a", kStart), 3);
  EXPECT_EQ(map_.size(), 1U);
}

TEST_F(ExpiringMapTest, AnAnswerOnItsWayDoesNotOutliveItsDeletion) {
  const auto ticket = map_.ticket("a");
  map_.forget("a");
  map_.keep("a", 1, kStart + 4s, ticket);
  EXPECT_EQ(map_.find("a", kStart), std::nullopt);
  keep("a", 2);
  map_.drop("a");
  EXPECT_EQ(map_.find("a", kStart), std::nullopt);
  const auto before = map_.ticket("b");
  map_.clear();
  map_.keep("b", 1, kStart + 4s, before);
  EXPECT_EQ(map_.size(), 0U);
}

TEST_F(ExpiringMapTest, WhatWasNotUsedForLongestGoes) {
  keep("used", 1);
  for (int i = 0; i < 10'000; ++i) {
    keep(std::to_string(i), i);
    ASSERT_EQ(map_.find("used", kStart), 1);
  }
  EXPECT_LE(map_.size(), 80U);
  EXPECT_GE(map_.size(), 40U);
  EXPECT_EQ(map_.find("9999", kStart), 9999);
  EXPECT_EQ(map_.find("0", kStart), std::nullopt);
}

TEST(ExpiringMap, MayHaveNoBound) {
  ExpiringMap<int> map(0);
  for (int i = 0; i < 20'000; ++i) map.keep(std::to_string(i), i, kStart, 0);
  EXPECT_EQ(map.size(), 20'000U);
}

}  // namespace
}  // namespace bunker::cache
