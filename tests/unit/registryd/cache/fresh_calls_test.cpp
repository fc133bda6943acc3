#include "registryd/cache/fresh_calls.h"

#include <atomic>
#include <latch>
#include <random>

#include <gtest/gtest.h>

#include "lib/runtime/io_threads.h"

namespace bunker::cache {
namespace {

using std::chrono::milliseconds;

// A value that changes at any time, of which a reader sees some moment of its call.
class Changing {
 public:
  Task<Result<int>> ask() {
    ++calls;
    most = std::max(most.load(), ++running);
    co_await sleep_for(milliseconds(1));
    const int seen = value;
    co_await sleep_for(milliseconds(1));
    --running;
    if (fails) co_return fail(Code::retry_later, "no answer");
    if (missing) co_return fail(Code::not_found, "nothing there");
    co_return seen;
  }

  std::atomic<int> value = 0;
  std::atomic<int> calls = 0;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<bool> fails = false;
  std::atomic<bool> missing = false;
};

Task<Result<int>> read(FreshCalls<int>& calls, Changing& changing, std::string key) {
  auto place = co_await calls.join(std::move(key));
  if (place.answer) co_return *std::move(place.answer);
  auto result = co_await changing.ask();
  if (place.lead) place.lead->answer(result);
  co_return result;
}

std::vector<Result<int>> read_at_once(FreshCalls<int>& calls, Changing& changing, int count) {
  std::vector<Task<Result<int>>> reads;
  for (int i = 0; i < count; ++i) reads.push_back(read(calls, changing, "tag"));
  return run_task(when_all(std::move(reads), 1000));
}

TEST(FreshCalls, AFewDoNotWaitForEachOther) {
  FreshCalls<int> calls;
  Changing changing;
  read_at_once(calls, changing, FreshCalls<int>::kAtOnce);
  EXPECT_EQ(changing.most, int{FreshCalls<int>::kAtOnce});
  EXPECT_EQ(changing.calls, int{FreshCalls<int>::kAtOnce});
}

TEST(FreshCalls, ManyShareOneMore) {
  FreshCalls<int> calls;
  Changing changing;
  changing.value = 7;
  for (const auto& answer : read_at_once(calls, changing, 500)) EXPECT_EQ(answer, 7);
  EXPECT_EQ(changing.calls, int{FreshCalls<int>::kAtOnce} + 1);
  EXPECT_LE(changing.most, int{FreshCalls<int>::kAtOnce});
}

TEST(FreshCalls, ThatNothingIsThereIsAnAnswer) {
  FreshCalls<int> calls;
  Changing changing;
  changing.missing = true;
  for (const auto& answer : read_at_once(calls, changing, 100)) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::not_found);
  }
  EXPECT_EQ(changing.calls, int{FreshCalls<int>::kAtOnce} + 1);
}

TEST(FreshCalls, AfterAFailureEachAsksForHimself) {
  FreshCalls<int> calls;
  Changing changing;
  changing.fails = true;
  for (const auto& answer : read_at_once(calls, changing, 20)) EXPECT_FALSE(answer);
  EXPECT_EQ(changing.calls, 20);
  changing.fails = false;
  for (const auto& answer : read_at_once(calls, changing, 20)) EXPECT_TRUE(answer);
}

// What a tag's reader must be able to rely on: whatever was written before he came, he sees.
TEST(FreshCalls, NobodyGetsAnAnswerThatWasTrueOnlyBeforeHeCame) {
  constexpr int kReaders = 60;
  constexpr int kReads = 80;
  IoThreads threads(2);
  FreshCalls<int> calls;
  Changing changing;
  std::atomic<int> stale = 0;
  std::latch done(kReaders);
  threads.start();
  for (unsigned reader = 0; reader < kReaders; ++reader) {
    threads.spawn(reader % 2, [&, reader]() -> Task<void> {
      std::minstd_rand random(reader + 1);
      for (int i = 0; i < kReads; ++i) {
        if (random() % 4 == 0) ++changing.value;
        if (random() % 8 == 0) co_await sleep_for(milliseconds(random() % 3));
        const int before = changing.value;
        const auto seen = co_await read(calls, changing, "tag");
        if (!seen || *seen < before) ++stale;
      }
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(stale, 0);
  EXPECT_LT(changing.calls, kReaders * kReads / 2);
  EXPECT_LE(changing.most, int{FreshCalls<int>::kAtOnce});
}

}  // namespace
}  // namespace bunker::cache
