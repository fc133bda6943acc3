#include "registryd/storage/s3/part_buffer.h"

#include <cstring>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "lib/runtime/io_threads.h"

namespace bunker::storage::s3 {
namespace {

TEST(BlockPool, KeepsAsManyAsAreInUse) {
  BlockPool pool(4096, 16);
  std::vector<std::byte*> taken;
  std::size_t most = 0;
  std::minstd_rand random(7);
  for (int i = 0; i < 20'000; ++i) {
    // Waves, as uploads that come and go.
    const bool grow =
        taken.empty() || (taken.size() < 200 && random() % 100 < (i / 1000 % 2 ? 70 : 30));
    if (grow) {
      taken.push_back(pool.take());
      std::memset(taken.back(), 1, 64);  // ours, and writable
      most = std::max(most, taken.size());
    } else {
      std::swap(taken[random() % taken.size()], taken.back());
      pool.give_back(taken.back());
      taken.pop_back();
    }
    ASSERT_LE(pool.spare(), taken.size() + 16);
    ASSERT_LE(pool.spare() + taken.size(), most + 16);
    ASSERT_EQ(std::set(taken.begin(), taken.end()).size(), taken.size());
  }
  for (std::byte* block : taken) pool.give_back(block);
  EXPECT_EQ(pool.spare(), 16U);
}

TEST(BlockPool, ASpareBlockIsTakenBeforeAFreshOne) {
  BlockPool pool(4096, 16);
  std::byte* const block = pool.take();
  pool.give_back(block);
  EXPECT_EQ(pool.take(), block);
  pool.give_back(block);
}

TEST(PartBuffer, YieldsWhatItWasGiven) {
  Blocks pools;
  PartBuffer part(pools, true);
  std::string all;
  for (std::size_t size : {std::size_t{1}, Blocks::kSmall - 1, Blocks::kSmall, std::size_t{0},
                           3 * Blocks::kSmall + 5}) {
    const std::string piece(size, static_cast<char>('a' + all.size() % 26));
    part.append(piece);
    all += piece;
  }
  EXPECT_EQ(part.size(), all.size());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(run_task(read_all(*part.source(), 10 << 20)) == all);
}

TEST(PartBuffer, TakesWhatWasPutIntoItsRoom) {
  Blocks pools;
  PartBuffer part(pools, true);
  part.expect(2'000'000);
  PartBuffer copied(pools, true);
  EXPECT_TRUE(part.room(0).empty());
  std::string all;
  for (std::size_t size = 1; all.size() < 3 * Blocks::kSmall; size = size * 7 % 1'000'003) {
    const auto room = part.room(size);
    ASSERT_FALSE(room.empty());
    ASSERT_LE(room.size(), size);
    std::memset(room.data(), static_cast<char>('a' + size % 26), room.size());
    all.append(room.size(), static_cast<char>('a' + size % 26));
    part.append(room);
  }
  copied.append(all);
  EXPECT_EQ(part.size(), all.size());
  EXPECT_EQ(part.digest(), copied.digest());
  EXPECT_TRUE(run_task(read_all(*part.source(), 10 << 20)) == all);
}

TEST(PartBuffer, TakesNoMoreMemoryThanIsExpected) {
  Blocks pools;
  {
    PartBuffer part(pools, false);
    part.append("x");  // before it is known that more will come
    part.expect(2 * Blocks::kLarge + Blocks::kSmall + 1);
    part.append(std::string(2 * Blocks::kLarge + Blocks::kSmall, 'x'));
  }
  // A small one that was there, two large ones, and the byte that is left.
  EXPECT_EQ(pools.large.spare(), 2U);
  EXPECT_EQ(pools.small.spare(), 2U);
  {
    PartBuffer unknown(pools, false);
    unknown.append(std::string(Blocks::kLarge, 'x'));
    EXPECT_EQ(pools.large.spare(), 2U) << "what nobody announced is small";
  }
}

}  // namespace
}  // namespace bunker::storage::s3
