#include "registryd/auth/credential_cache.h"

#include <string>

#include <gtest/gtest.h>

namespace bunker::auth {
namespace {

using std::chrono::seconds;

const SteadyTime kStart = SteadyTime{} + std::chrono::hours(100);

TEST(CredentialCacheTest, AKeyDependsOnEveryPart) {
  const CredentialCache cache(seconds(60), 10);
  const auto key = cache.key("user", "password", "hash");
  EXPECT_EQ(key, cache.key("user", "password", "hash"));
  EXPECT_NE(key, cache.key("user2", "password", "hash"));
  EXPECT_NE(key, cache.key("user", "passwore", "hash"));
  EXPECT_NE(key, cache.key("user", "password", "hash2"));
  EXPECT_NE(cache.key("ab", "c", "h"), cache.key("a", "bc", "h"));
  EXPECT_NE(key, CredentialCache(seconds(60), 10).key("user", "password", "hash"));
}

TEST(CredentialCacheTest, RemembersForItsLifetimeAndAtMostTwice) {
  CredentialCache cache(seconds(60), 10);
  const auto key = cache.key("user", "password", "hash");
  EXPECT_FALSE(cache.contains(key, kStart));
  cache.insert(key, kStart);
  EXPECT_TRUE(cache.contains(key, kStart + seconds(59)));
  EXPECT_TRUE(cache.contains(key, kStart + seconds(60)));
  EXPECT_TRUE(cache.contains(key, kStart + seconds(119)));
  EXPECT_FALSE(cache.contains(key, kStart + seconds(120)));
}

TEST(CredentialCacheTest, ForgetsWhenNobodyAskedForLong) {
  CredentialCache cache(seconds(60), 10);
  const auto key = cache.key("user", "password", "hash");
  cache.insert(key, kStart);
  EXPECT_FALSE(cache.contains(key, kStart + seconds(121)));
}

TEST(CredentialCacheTest, IsBoundedAndDropsTheOldestFirst) {
  CredentialCache cache(seconds(60), 10);
  std::vector<CredentialCache::Key> keys;
  for (int i = 0; i < 25; ++i) {
    keys.push_back(cache.key("user" + std::to_string(i), "p", "h"));
    cache.insert(keys.back(), kStart);
  }
  EXPECT_FALSE(cache.contains(keys.front(), kStart));
  EXPECT_TRUE(cache.contains(keys.back(), kStart));
  int left = 0;
  for (const auto& key : keys) left += cache.contains(key, kStart) ? 1 : 0;
  EXPECT_EQ(left, 15);
}

}  // namespace
}  // namespace bunker::auth
