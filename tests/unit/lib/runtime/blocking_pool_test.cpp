#include "lib/runtime/blocking_pool.h"

#include <atomic>
#include <latch>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "lib/runtime/io_threads.h"

namespace bunker {
namespace {

Task<std::pair<std::thread::id, std::thread::id>> ids_inside_and_after(BlockingPool& pool) {
  auto id = [] { return std::this_thread::get_id(); };
  const auto inside = co_await pool.run(id);
  co_return std::pair(inside, std::this_thread::get_id());
}

TEST(BlockingPoolTest, RunsElsewhereAndComesBack) {
  BlockingPool pool(1);
  const auto [inside, after] = run_task(ids_inside_and_after(pool));
  EXPECT_NE(inside, std::this_thread::get_id());
  EXPECT_EQ(after, std::this_thread::get_id());
}

Task<std::unique_ptr<int>> move_through(BlockingPool& pool) {
  auto job = [value = std::make_unique<int>(7)]() mutable { return std::move(value); };
  co_return co_await pool.run(std::move(job));
}

TEST(BlockingPoolTest, CarriesWhatCanOnlyBeMoved) {
  BlockingPool pool(2);
  EXPECT_EQ(*run_task(move_through(pool)), 7);
}

Task<void> set_flag(BlockingPool& pool, bool& flag) {
  auto job = [&flag] { flag = true; };
  co_await pool.run(job);
}

TEST(BlockingPoolTest, RunsJobsWithoutAResult) {
  BlockingPool pool(1);
  bool flag = false;
  run_task(set_flag(pool, flag));
  EXPECT_TRUE(flag);
}

TEST(BlockingPoolTest, AsManyJobsRunAtOnceAsThereAreThreads) {
  BlockingPool pool(3);
  std::latch together(3);  // lets go only when three jobs have arrived
  std::latch done(3);
  for (int i = 0; i < 3; ++i) {
    pool.post([&] {
      together.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
}

TEST(BlockingPoolTest, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    BlockingPool pool(1);
    for (int i = 0; i < 100; ++i) pool.post([&order, i] { order.push_back(i); });
  }  // runs what is queued
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(BlockingPoolTest, ServesManyIoThreads) {
  constexpr int kTasks = 50;
  IoThreads threads(2);
  std::atomic<int> wrong_thread = 0;
  std::latch done(2 * kTasks);
  BlockingPool pool(2);  // destroyed before the threads that wait for it
  threads.start();
  for (int i = 0; i < 2 * kTasks; ++i) {
    threads.spawn(static_cast<std::size_t>(i % 2), [&]() -> Task<void> {
      const auto before = std::this_thread::get_id();
      auto job = [] { return 1; };
      co_await pool.run(job);
      if (before != std::this_thread::get_id()) ++wrong_thread;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(wrong_thread, 0);
}

}  // namespace
}  // namespace bunker
