#include "registryd/core/collection_guard.h"

#include <gmock/gmock.h>

#include "registryd/core/collection_keys.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

using namespace std::chrono_literals;

// Time that stands still but for those who sleep.
class StillTimer final : public Timer {
 public:
  [[nodiscard]] SteadyTime now() const override { return now_; }
  Task<void> sleep(std::chrono::nanoseconds duration) const override {
    now_ += duration;
    if (on_sleep) on_sleep();
    co_return;
  }
  void pass(std::chrono::nanoseconds time) { now_ += time; }
  std::function<void()> on_sleep;

 private:
  mutable SteadyTime now_ = std::chrono::steady_clock::now();
};

class Guard : public ::testing::Test {
 protected:
  Result<CollectionGuard::Protection> protect(std::string_view bytes) {
    return run_task(guard_.protect(context_, {sha256_of(bytes)}));
  }
  void put(std::string key, std::string text) {
    ASSERT_TRUE(run_task(memory_->put(context_, std::move(key), std::move(text))));
  }
  bool has(std::string key) {
    return run_task(memory_->head(context_, std::move(key))).has_value();
  }
  void open(const std::string& run, std::string_view candidate) {
    put(collection::candidates_key(run, ""), sha256_of(candidate).str() + "\n");
    put(collection::beat_key(run), "");
    put(collection::open_key(run), collection::print_open(0));
  }
  bool rescued(const std::string& run, std::string_view bytes) {
    return has(collection::rescue_key(run, sha256_of(bytes)));
  }

  Context context_;
  StillTimer timer_;
  std::unique_ptr<storage::ObjectStore> memory_ = storage::make_memory_store();
  CountingStore store_{*memory_};
  CollectionGuard guard_{store_, timer_, {}};
};

TEST_F(Guard, LooksOnceInFiveSeconds) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(protect("a"));
  EXPECT_EQ(store_.calls, std::vector<std::string>{"list"});
  timer_.pass(5s);
  ASSERT_TRUE(protect("a"));
  EXPECT_EQ(guard_.looks(), 2u);
}

TEST_F(Guard, ProtectionEnds) {
  const auto protection = protect("a");
  EXPECT_TRUE(guard_.in_time(*protection));
  timer_.pass(4s);
  const auto later = protect("a");  // rests on the same look
  EXPECT_EQ(later->until, protection->until);
  timer_.pass(11s);
  EXPECT_FALSE(guard_.in_time(*protection));
}

TEST_F(Guard, RescuesCandidatesAndNothingElse) {
  open("r", "a");
  ASSERT_TRUE(protect("b"));
  EXPECT_FALSE(rescued("r", "b"));
  ASSERT_TRUE(protect("a"));
  EXPECT_TRUE(rescued("r", "a"));
  const std::size_t calls = store_.calls.size();
  ASSERT_TRUE(protect("a"));  // once is enough
  EXPECT_EQ(store_.calls.size(), calls);
  EXPECT_EQ(guard_.rescues(), 1u);
}

TEST_F(Guard, RescuesFromEveryRun) {
  open("r", "a");
  open("s", "a");
  ASSERT_TRUE(protect("a"));
  EXPECT_TRUE(rescued("r", "a"));
  EXPECT_TRUE(rescued("s", "a"));
}

TEST_F(Guard, WaitsForTheRoundUnderWay) {
  open("r", "a");
  put(collection::sweep_key("r"), "7");
  int sleeps = 0;
  timer_.on_sleep = [&] {
    EXPECT_TRUE(rescued("r", "a"));
    if (++sleeps == 3) put(collection::sweep_key("r"), "8");
  };
  ASSERT_TRUE(protect("a"));
  EXPECT_EQ(sleeps, 3);
}

TEST_F(Guard, GivesUpWhenARoundDoesNotEnd) {
  open("r", "a");
  put(collection::sweep_key("r"), "7");
  timer_.on_sleep = [&] { put(collection::beat_key("r"), ""); };  // its collector lives
  EXPECT_EQ(protect("a").error().code, Code::retry_later);
}

TEST_F(Guard, DoesNotWaitForTheDead) {
  StillTimer timer;
  CollectionGuard guard(store_, timer, {.dead_after = -1h});  // everybody is
  open("r", "a");
  put(collection::sweep_key("r"), "7");
  EXPECT_TRUE(run_task(guard.protect(context_, {sha256_of("a")})));
}

TEST_F(Guard, RefusesARunOfALaterVersion) {
  put(collection::open_key("r"), "bunker collection 2\n");
  EXPECT_EQ(protect("a").error().code, Code::retry_later);
}

TEST_F(Guard, FindsCandidatesInTheirParts) {
  const auto digest = sha256_of("a");
  put(collection::candidates_key("r", collection::shard_of(digest, 2)), digest.str() + "\n");
  put(collection::open_key("r"), collection::print_open(2));
  ASSERT_TRUE(protect("a"));
  EXPECT_TRUE(rescued("r", "a"));
  ASSERT_TRUE(protect("b"));
  EXPECT_FALSE(rescued("r", "b"));
}

TEST(CollectionKeys, AreReadAsTheyAreWritten) {
  for (const auto& [key, mark] : {std::pair(collection::beat_key("r"), collection::Mark::beat),
                                  std::pair(collection::open_key("r"), collection::Mark::open),
                                  std::pair(collection::sweep_key("r"), collection::Mark::sweep)}) {
    const auto parsed = collection::parse_run_key(key);
    ASSERT_TRUE(parsed) << key;
    EXPECT_EQ(parsed->run, "r");
    EXPECT_EQ(parsed->mark, mark);
  }
  EXPECT_FALSE(collection::parse_run_key(collection::candidates_key("r", "")));
  const auto digest = sha512_of("a");
  EXPECT_EQ(collection::parse_rescue_key("r", collection::rescue_key("r", digest)), digest);
  for (const std::size_t digits : {0u, 1u, 2u}) {
    EXPECT_EQ(collection::parse_open(collection::print_open(digits)), digits);
  }
  EXPECT_FALSE(collection::parse_open("bunker collection 1, shard digits 9"));
}

}  // namespace
}  // namespace bunker::registry
