#include "lib/runtime/io_threads.h"

#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace bunker {
namespace {

TEST(IoThreadsTest, EachContextHasAThreadOfItsOwn) {
  IoThreads threads(3);
  EXPECT_EQ(threads.size(), 3u);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::latch done(6);
  for (std::size_t i = 0; i < 6; ++i) {
    threads.spawn(i % 3, [&]() -> Task<void> {
      {
        const std::lock_guard lock(mutex);
        ids.insert(std::this_thread::get_id());
      }
      done.count_down();
      co_return;
    });
  }
  threads.start();
  done.wait();
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_FALSE(ids.contains(std::this_thread::get_id()));
}

TEST(IoThreadsTest, StopLeavesSuspendedTasksToTheDestructor) {
  auto frame_owns = std::make_shared<int>();
  std::latch started(1);
  {
    IoThreads threads(1);
    threads.spawn(0, [owned = frame_owns, &started]() -> Task<void> {
      started.count_down();
      co_await sleep_for(std::chrono::hours(1));
      ADD_FAILURE() << "resumed after stop()";
    });
    threads.start();
    started.wait();
    threads.stop();
    threads.stop();
    EXPECT_EQ(frame_owns.use_count(), 2);
  }
  EXPECT_EQ(frame_owns.use_count(), 1);
}

Task<int> answer(int value, int turns) {
  for (int i = 0; i < turns; ++i) co_await sleep_for(std::chrono::nanoseconds(0));
  co_return value;
}

TEST(RunTaskTest, ReturnsTheValue) {
  EXPECT_EQ(run_task(answer(42, 3)), 42);
}

Task<void> throws() {
  co_await sleep_for(std::chrono::nanoseconds(0));
  throw std::runtime_error("bug");
}

TEST(RunTaskTest, PassesExceptionsOn) {
  EXPECT_THROW(run_task(throws()), std::runtime_error);
}

TEST(WhenAllTest, KeepsTheOrderOfTheTasksNotOfTheirEnds) {
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(answer(i, 10 - i));
  EXPECT_EQ(run_task(when_all(std::move(tasks))), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(run_task(when_all(std::vector<Task<int>>())).empty());
}

struct Load {
  int running = 0;
  int most = 0;
};

Task<int> loaded(Load& load) {
  load.most = std::max(load.most, ++load.running);
  co_await sleep_for(std::chrono::nanoseconds(0));
  --load.running;
  co_return 0;
}

TEST(WhenAllTest, RunsNoMoreThanAllowedAtOnce) {
  for (const std::size_t parallel : {1u, 3u, 100u}) {
    Load load;
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 10; ++i) tasks.push_back(loaded(load));
    EXPECT_EQ(run_task(when_all(std::move(tasks), parallel)).size(), 10u);
    EXPECT_EQ(load.most, static_cast<int>(std::min<std::size_t>(parallel, 10)));
  }
}

Task<int> fails_at_once() {
  throw std::runtime_error("bug");
  co_return 0;
}

TEST(WhenAllTest, WaitsForTheOthersBeforeItPassesAnExceptionOn) {
  Load load;
  std::vector<Task<int>> tasks;
  tasks.push_back(fails_at_once());
  for (int i = 0; i < 3; ++i) tasks.push_back(loaded(load));
  EXPECT_THROW(run_task(when_all(std::move(tasks))), std::runtime_error);
  EXPECT_EQ(load.running, 0);
  EXPECT_EQ(load.most, 3);
}

}  // namespace
}  // namespace bunker
