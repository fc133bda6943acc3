// Many threads at once: whole objects, one writer an upload, no lost folders.
#include <atomic>
#include <random>
#include <thread>

#include "tests/contract/object_store_contract.h"

namespace bunker::storage {
namespace {

// Runs `job(index)` on `count` threads and waits for all.
void in_parallel(unsigned count, const std::function<void(unsigned)>& job) {
  std::vector<std::jthread> threads;
  threads.reserve(count);
  for (unsigned i = 0; i < count; ++i) threads.emplace_back([&job, i] { job(i); });
}

// An object whose bytes say which one it is and whether it is whole.
std::string version(unsigned number) {
  const std::string head = std::to_string(number) + ':';
  return head + pattern(1'000 + number % 7 * 20'000, number);
}

bool is_whole(const std::string& bytes) {
  const std::size_t colon = bytes.find(':');
  if (colon > 9) return false;  // npos too
  return bytes == version(static_cast<unsigned>(std::stoul(bytes.substr(0, colon))));
}

TEST_P(Concurrency, ReadersSeeOneWholeVersion) {
  constexpr unsigned kWriters = 3;
  BUNKER_ASSERT_OK(store_->put("hot/key", version(0)));
  std::atomic<unsigned> writing = kWriters;
  in_parallel(kWriters + 3, [&](unsigned thread) {
    SyncStore store(under_test_->store());
    if (thread < kWriters) {
      for (unsigned i = 1; i <= 40; ++i) {
        const unsigned number = thread * 1000 + i;
        if (i % 3 == 0) {
          BUNKER_EXPECT_OK(store.finish("hot/scratch", "", 0, version(number), "hot/key"));
        } else {
          BUNKER_EXPECT_OK(store.put("hot/key", version(number)));
        }
      }
      --writing;
      return;
    }
    while (writing > 0) {
      const auto read = store.read("hot/key");
      BUNKER_ASSERT_OK(read);
      EXPECT_TRUE(is_whole(*read));
      const auto got = store.get("hot/key");
      BUNKER_ASSERT_OK(got);
      EXPECT_TRUE(is_whole(*got));
    }
  });
  EXPECT_TRUE(is_whole(store_->read("hot/key").value()));
}

TEST_P(Concurrency, PutsAndRemovalsInOneFolderDoNotHurtEachOther) {
  in_parallel(6, [&](unsigned thread) {
    SyncStore store(under_test_->store());
    const std::string key =
        "a/b/c/" + std::to_string(thread % 3) + "/link" + std::to_string(thread);
    for (unsigned i = 0; i < 60; ++i) {
      BUNKER_ASSERT_OK(store.put(key, key));
      EXPECT_EQ(store.read(key).value_or("gone"), key);
      BUNKER_ASSERT_OK(store.remove({key}));
      EXPECT_EQ(code_of(store.read(key)), Code::not_found);
    }
  });
  EXPECT_EQ(store_->keys(), std::vector<std::string>());
}

TEST_P(Concurrency, ListingsShowWhatStaysWhateverComesAndGoes) {
  std::vector<std::string> stable;
  for (unsigned i = 0; i < 20; ++i) {
    stable.push_back("t/stable" + std::to_string(100 + i) + '/');
    BUNKER_ASSERT_OK(store_->put(stable.back() + "current/link", "x"));
  }
  std::atomic<unsigned> changing = 2;
  in_parallel(4, [&](unsigned thread) {
    SyncStore store(under_test_->store());
    if (thread < 2) {
      for (unsigned i = 0; i < 60; ++i) {
        const std::string key =
            "t/tag" + std::to_string(thread) + "-" + std::to_string(i % 5) + "/current/link";
        BUNKER_EXPECT_OK(store.put(key, "x"));
        const auto seen = store.keys("t/", 1000, true);
        const std::string folder = key.substr(0, key.find('/', 2) + 1);
        EXPECT_TRUE(std::ranges::binary_search(seen, folder)) << folder;
        BUNKER_EXPECT_OK(store.remove({key}));
        const auto later = store.keys("t/", 1000, true);
        EXPECT_FALSE(std::ranges::binary_search(later, folder)) << folder;
      }
      --changing;
      return;
    }
    while (changing > 0) {
      const auto seen = store.keys("t/", thread == 2 ? 1000 : 7, true);
      EXPECT_TRUE(std::ranges::is_sorted(seen));
      EXPECT_TRUE(std::ranges::includes(seen, stable));
    }
  });
  EXPECT_EQ(store_->keys("t/", 1000, true), stable);
}

TEST_P(Concurrency, OneOfManyWritersGetsAToken) {
  const std::string scratch = "r/_uploads/u/data";
  std::string token = store_->append(scratch, "", 0, "begin").value();
  std::string expected = "begin";
  for (unsigned round = 0; round < 20; ++round) {
    std::mutex mutex;
    std::vector<std::pair<std::string, std::string>> winners;
    in_parallel(5, [&](unsigned thread) {
      SyncStore store(under_test_->store());
      const std::string mine = pattern(20'000, round * 10 + thread);
      const auto next = store.append(scratch, token, expected.size(), mine);
      if (next) {
        const std::lock_guard lock(mutex);
        winners.emplace_back(*next, mine);
        return;
      }
      EXPECT_TRUE(code_of(next) == Code::conflict || code_of(next) == Code::not_found)
          << to_string(next.error());
    });
    ASSERT_EQ(winners.size(), 1U);
    token = winners[0].first;
    expected += winners[0].second;
    ASSERT_TRUE(store_->read_upload(scratch, token).value() == expected);
  }
  BUNKER_ASSERT_OK(store_->finish(scratch, token, expected.size(), "", "k"));
  EXPECT_TRUE(store_->get("k").value() == expected);
}

TEST_P(Concurrency, UploadsSideBySideDoNotMix) {
  in_parallel(6, [&](unsigned thread) {
    SyncStore store(under_test_->store());
    const std::string name = std::to_string(thread);
    const std::string scratch = "r/_uploads/" + name + "/data";
    for (unsigned round = 0; round < 8; ++round) {
      const std::string bytes = pattern(90'000 + thread, thread * 100 + round);
      const auto token = store.append(scratch, "", 0, std::string_view(bytes).substr(0, 40'000));
      BUNKER_ASSERT_OK(token);
      BUNKER_ASSERT_OK(store.finish(scratch, *token, 40'000, std::string_view(bytes).substr(40'000),
                                    "blobs/" + name));
      EXPECT_TRUE(store.get("blobs/" + name).value_or("") == bytes);
    }
  });
  EXPECT_EQ(store_->keys("r/"), std::vector<std::string>());
}

}  // namespace
}  // namespace bunker::storage
