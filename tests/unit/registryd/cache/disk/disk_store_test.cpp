#include "registryd/cache/disk/disk_store.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registryd/core/layout.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::cache {
namespace {

using registry::CountingStore;
using registry::Digest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kSize = 4 << 20;

std::string bytes_of(std::size_t size, char seed) {
  std::string bytes(size, seed);
  for (std::size_t i = 0; i < size; i += 97) bytes[i] = static_cast<char>(i >> 8);
  return bytes;
}

class DiskStoreTest : public ::testing::Test {
 protected:
  DiskStoreTest() {
    store_.set_remote(true);
    restart();
  }

  // As another process would begin.
  void restart() {
    disk_.reset();
    auto folder = DiskFolder::open(folder_ / "cache", kSize);
    ASSERT_TRUE(folder) << folder.error().message;
    disk_ = make_disk_store(store_, *std::move(folder), pool_, metrics_);
  }

  Digest put(const std::string& bytes) {
    const Digest digest = registry::sha256_of(bytes);
    EXPECT_TRUE(run_task(memory_->put(context_, registry::layout::blob_data(digest), bytes)));
    return digest;
  }

  static Task<Result<std::string>> read(storage::ObjectStore& store, Context& context,
                                        storage::ObjectKey key, storage::ByteRange range) {
    BUNKER_CO_TRY_ASSIGN(auto object, co_await store.get(context, std::move(key), range));
    const auto source = make_source(std::move(object.body));
    co_return co_await read_all(*source, 1 << 30);
  }
  Result<std::string> get(const Digest& digest, storage::ByteRange range = {}) {
    return run_task(read(*disk_, context_, registry::layout::blob_data(digest), range));
  }
  std::vector<std::string> calls() { return std::exchange(store_.calls, {}); }

  std::filesystem::path file_of(const Digest& digest) {
    return folder_ / ("cache/blobs/sha256-" + std::string(digest.hex()));
  }

  TempFolder folder_;
  Context context_;
  BlockingPool pool_{2};
  Metrics metrics_;
  std::unique_ptr<storage::ObjectStore> memory_ = storage::make_memory_store();
  CountingStore store_{*memory_};
  std::unique_ptr<storage::ObjectStore> disk_;
};

TEST_F(DiskStoreTest, WhatWasPulledOnceIsHere) {
  const std::string bytes = bytes_of(700'000, 'a');
  const Digest digest = put(bytes);
  EXPECT_EQ(get(digest), bytes);
  EXPECT_EQ(get(digest), bytes);
  storage::ByteRange part;
  part.offset = 1000;
  part.length = 10;
  EXPECT_EQ(get(digest, part), bytes.substr(1000, 10));
  part.offset = bytes.size();
  EXPECT_EQ(get(digest, part).error().code, Code::out_of_range);
  EXPECT_THAT(calls(), ElementsAre("get"));
  restart();
  EXPECT_EQ(get(digest), bytes);
  EXPECT_THAT(calls(), IsEmpty());
}

TEST_F(DiskStoreTest, ManyWhoPullAtOnceCostOneCall) {
  const std::string bytes = bytes_of(900'000, 'b');
  const auto key = registry::layout::blob_data(put(bytes));
  std::vector<Task<Result<std::string>>> pulls;
  for (int i = 0; i < 8; ++i) pulls.push_back(read(*disk_, context_, key, {}));
  for (const auto& pulled : run_task(when_all(std::move(pulls)))) EXPECT_EQ(pulled, bytes);
  EXPECT_THAT(calls(), ElementsAre("get"));
}

TEST_F(DiskStoreTest, WhatIsWrongIsNeitherKeptNorGivenOut) {
  const Digest digest = registry::sha256_of("right");
  const auto key = registry::layout::blob_data(digest);
  ASSERT_TRUE(run_task(memory_->put(context_, key, "wrong")));
  EXPECT_EQ(get(digest).error().code, Code::data_loss);
  ASSERT_TRUE(run_task(memory_->put(context_, key, "right")));
  EXPECT_EQ(get(digest), "right");
  EXPECT_EQ(get(registry::sha256_of("absent")).error().code, Code::not_found);
}

TEST_F(DiskStoreTest, AFileThatWentBadIsFetchedAgain) {
  const std::string bytes = bytes_of(5000, 'c');
  const Digest digest = put(bytes);
  for (const std::string& bad : {std::string(5000, 'x'), bytes.substr(1), bytes + "y"}) {
    EXPECT_EQ(get(digest), bytes);
    calls();
    std::ofstream(file_of(digest), std::ios::trunc) << bad;
    restart();
    EXPECT_EQ(get(digest), bytes);
    EXPECT_THAT(calls(), ElementsAre("get"));
  }
  std::filesystem::remove(file_of(digest));
  EXPECT_EQ(get(digest), bytes);
}

TEST_F(DiskStoreTest, WhatACrashLeftIsRemoved) {
  disk_.reset();
  const auto draft = folder_ / "cache/drafts/half";
  std::ofstream(draft) << "half";
  std::ofstream(folder_ / "cache/blobs/foreign") << "not ours";
  restart();
  EXPECT_FALSE(std::filesystem::exists(draft));
}

TEST_F(DiskStoreTest, StaysWithinItsSize) {
  std::vector<Digest> digests;
  for (char seed = 'a'; seed < 'i'; ++seed) {
    digests.push_back(put(bytes_of(1 << 20, seed)));
    ASSERT_TRUE(get(digests.back()));
    ASSERT_TRUE(get(digests.front()));  // stays in use
  }
  calls();
  EXPECT_TRUE(get(digests.front()));
  EXPECT_TRUE(get(digests.back()));
  EXPECT_THAT(calls(), IsEmpty());
  EXPECT_TRUE(get(digests[1]));
  EXPECT_THAT(calls(), ElementsAre("get"));
  std::uint64_t sum = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_ / "cache/blobs")) {
    sum += file.file_size();
  }
  EXPECT_LE(sum, kSize);
  // One that would push everything else out is only passed on.
  const std::string large = bytes_of(2 << 20, 'z');
  const Digest digest = put(large);
  EXPECT_EQ(get(digest), large);
  EXPECT_EQ(get(digest), large);
  EXPECT_THAT(calls(), ElementsAre("get", "get"));
}

TEST_F(DiskStoreTest, WhatIsDeletedGoes) {
  const std::string bytes = bytes_of(5000, 'd');
  const Digest digest = put(bytes);
  EXPECT_EQ(get(digest), bytes);
  ASSERT_TRUE(run_task(disk_->remove(context_, {registry::layout::blob_data(digest)})));
  EXPECT_EQ(get(digest).error().code, Code::not_found);
}

TEST_F(DiskStoreTest, IsForOneProcess) {
  const auto second = DiskFolder::open(folder_ / "cache", kSize);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, ::testing::HasSubstr("another process"));
  EXPECT_FALSE(DiskFolder::open("/proc/none", kSize));
}

}  // namespace
}  // namespace bunker::cache
