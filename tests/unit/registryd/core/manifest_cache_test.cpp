#include "registryd/core/manifest_cache.h"

#include <thread>

#include <gtest/gtest.h>

namespace bunker::registry {
namespace {

StoredManifestPtr manifest_of(std::string bytes) {
  auto manifest = std::make_shared<StoredManifest>();
  manifest->media_type = "application/x";
  manifest->bytes = std::make_shared<const std::string>(std::move(bytes));
  return manifest;
}

Digest digest_of(int i) {
  return Digest::of(Algorithm::sha256, std::to_string(i));
}

TEST(ManifestCache, FindsWhatWasInserted) {
  ManifestCache cache(1 << 20);
  EXPECT_EQ(cache.find(digest_of(1)), nullptr);
  cache.insert(digest_of(1), manifest_of("one"));
  ASSERT_NE(cache.find(digest_of(1)), nullptr);
  EXPECT_EQ(*cache.find(digest_of(1))->bytes, "one");
  EXPECT_EQ(cache.find(digest_of(2)), nullptr);
}

TEST(ManifestCache, StaysWithinItsBytes) {
  ManifestCache cache(1 << 20);
  for (int i = 0; i < 1000; ++i) cache.insert(digest_of(i), manifest_of(std::string(10'000, 'x')));
  EXPECT_LE(cache.stats().bytes, std::size_t{1} << 20);
  EXPECT_GT(cache.stats().bytes, std::size_t{1} << 19);
}

TEST(ManifestCache, DropsWhatWasNotUsedForLongest) {
  ManifestCache cache(1 << 20);
  cache.insert(digest_of(0), manifest_of("kept"));
  for (int i = 1; i < 1000; ++i) {
    cache.insert(digest_of(i), manifest_of(std::string(10'000, 'x')));
    ASSERT_NE(cache.find(digest_of(0)), nullptr) << i;
  }
  EXPECT_EQ(cache.find(digest_of(1)), nullptr);
}

TEST(ManifestCache, IgnoresWhatIsTooLarge) {
  ManifestCache cache(1 << 20);
  cache.insert(digest_of(0), manifest_of("small"));
  cache.insert(digest_of(1), manifest_of(std::string(1 << 20, 'x')));
  EXPECT_EQ(cache.find(digest_of(1)), nullptr);
  EXPECT_NE(cache.find(digest_of(0)), nullptr);
  ManifestCache nothing(0);
  nothing.insert(digest_of(0), manifest_of(""));
  EXPECT_EQ(nothing.find(digest_of(0)), nullptr);
}

TEST(ManifestCache, IsSafeFromManyThreads) {
  ManifestCache cache(1 << 16);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 2000; ++i) {
        const int which = (i * 7 + t) % 300;
        if (const auto found = cache.find(digest_of(which))) {
          EXPECT_EQ(*found->bytes, std::to_string(which));
        } else {
          cache.insert(digest_of(which), manifest_of(std::to_string(which)));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(cache.stats().bytes, std::size_t{1} << 16);
}

TEST(ManifestCacheTest, CountsWhatItHadAndWhatNot) {
  ManifestCache cache(1u << 20);
  const Digest digest = Digest::of(Algorithm::sha256, "{}");
  EXPECT_FALSE(cache.find(digest));
  auto manifest = std::make_shared<StoredManifest>();
  manifest->bytes = std::make_shared<const std::string>("{}");
  cache.insert(digest, std::move(manifest));
  EXPECT_TRUE(cache.find(digest));
  EXPECT_TRUE(cache.find(digest));
  EXPECT_EQ(cache.stats().hits, 2u);
  EXPECT_EQ(cache.stats().misses, 1u);
}

}  // namespace
}  // namespace bunker::registry
