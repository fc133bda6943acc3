#include "lib/runtime/periodic_task.h"

#include <atomic>
#include <latch>

#include <gtest/gtest.h>

namespace bunker {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

TEST(PeriodicTaskTest, RunsAgainAndAgain) {
  IoThreads threads(1);
  threads.start();
  std::latch third(3);
  std::atomic<int> runs = 0;
  PeriodicTask task(threads, {.interval = microseconds(1)}, [&]() -> Task<void> {
    if (++runs <= 3) third.count_down();
    co_return;
  });
  third.wait();
}

TEST(PeriodicTaskTest, StopEndsThePauseAndNothingRunsAfterIt) {
  IoThreads threads(2);
  threads.start();
  std::latch first(1);
  std::atomic<int> runs = 0;
  PeriodicTask task(threads, {.interval = hours(1), .thread = 1}, [&]() -> Task<void> {
    if (++runs == 1) first.count_down();
    co_return;
  });
  first.wait();
  task.stop();
  EXPECT_EQ(runs, 1);
  task.stop();
}

TEST(PeriodicTaskTest, StopWaitsForTheRunUnderWay) {
  IoThreads threads(1);
  threads.start();
  std::latch started(1);
  std::atomic<bool> ended = false;
  {
    PeriodicTask task(threads, {.interval = hours(1)}, [&]() -> Task<void> {
      started.count_down();
      co_await sleep_for(std::chrono::milliseconds(20));
      ended = true;
    });
    started.wait();
  }
  EXPECT_TRUE(ended);
}

TEST(PeriodicTaskTest, TheFirstRunWaitsForItsDelay) {
  IoThreads threads(1);
  threads.start();
  std::atomic<int> runs = 0;
  PeriodicTask task(threads, {.first_delay = hours(1), .interval = hours(1)}, [&]() -> Task<void> {
    ++runs;
    co_return;
  });
  task.stop();
  EXPECT_EQ(runs, 0);
}

TEST(PeriodicTaskTest, StoppingBeforeTheThreadsStartMeansNoRun) {
  IoThreads threads(1);
  std::atomic<int> runs = 0;
  {
    PeriodicTask task(threads, {.interval = hours(1)}, [&]() -> Task<void> {
      ++runs;
      co_return;
    });
  }
  std::latch after(1);
  threads.spawn(0, [&]() -> Task<void> {
    after.count_down();
    co_return;
  });
  threads.start();
  after.wait();
  EXPECT_EQ(runs, 0);
}

TEST(PeriodicTaskTest, StoppingAfterTheThreadsDoesNotHang) {
  IoThreads threads(1);
  threads.start();
  PeriodicTask task(threads, {.interval = hours(1)}, []() -> Task<void> { co_return; });
  threads.stop();
  task.stop();
}

}  // namespace
}  // namespace bunker
