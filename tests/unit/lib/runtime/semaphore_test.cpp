#include "lib/runtime/semaphore.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "lib/runtime/io_threads.h"

namespace bunker {
namespace {

using std::chrono::milliseconds;

SteadyTime in(milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

TEST(Semaphore, PermitsComeBackWithTheirOwner) {
  Semaphore semaphore(10);
  {
    auto permits = run_task(semaphore.acquire(7, SteadyTime::max())).value();
    EXPECT_EQ(permits.count(), 7U);
    EXPECT_EQ(semaphore.available(), 3U);
    permits.shrink(2);
    EXPECT_EQ(semaphore.available(), 8U);
    Permits moved = std::move(permits);
    EXPECT_EQ(semaphore.available(), 8U);
    moved = Permits();
    EXPECT_EQ(semaphore.available(), 10U);
  }
  EXPECT_EQ(semaphore.available(), 10U);
}

TEST(Semaphore, TooMuchIsAllThereIs) {
  Semaphore semaphore(10);
  const auto permits = run_task(semaphore.acquire(1000, SteadyTime::max()));
  ASSERT_TRUE(permits);
  EXPECT_EQ(permits->count(), 10U);
}

TEST(Semaphore, GivesUpAtTheDeadlineAndTakesNothing) {
  Semaphore semaphore(1);
  const auto held = run_task(semaphore.acquire(1, SteadyTime::max()));
  const auto late = run_task(semaphore.acquire(1, in(milliseconds(5))));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::retry_later);
  EXPECT_FALSE(run_task(semaphore.acquire(1, in(milliseconds(-5)))));
  EXPECT_EQ(semaphore.available(), 0U);
}

// Records the order in which permits come.
Task<bool> take(Semaphore& semaphore, std::uint64_t count, int id, std::vector<int>& order) {
  const auto permits = co_await semaphore.acquire(count, SteadyTime::max());
  order.push_back(id);
  co_return permits.has_value();
}

Task<bool> give_back(Permits permits) {
  permits.shrink(0);
  co_return true;
}

TEST(Semaphore, FirstComeFirstServed) {
  Semaphore semaphore(10);
  std::vector<int> order;
  auto all = [&]() -> Task<void> {
    auto held = co_await semaphore.acquire(8, SteadyTime::max());
    std::vector<Task<bool>> tasks;
    tasks.push_back(take(semaphore, 5, 1, order));
    tasks.push_back(take(semaphore, 1, 2, order));  // would fit, but is not first
    tasks.push_back(take(semaphore, 10, 3, order));
    tasks.push_back(give_back(std::move(*held)));
    const auto done = co_await when_all(std::move(tasks));
    EXPECT_EQ(done, std::vector<bool>(4, true));
  };
  run_task(all());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(semaphore.available(), 10U);
}

TEST(Semaphore, AWaiterThatGivesUpLetsTheNextOnesIn) {
  Semaphore semaphore(10);
  const auto held = run_task(semaphore.acquire(6, SteadyTime::max()));
  auto big = [&]() -> Task<bool> {
    const auto permits = co_await semaphore.acquire(10, in(milliseconds(10)));
    co_return permits.has_value();
  };
  std::vector<int> order;
  std::vector<Task<bool>> tasks;
  tasks.push_back(big());
  tasks.push_back(take(semaphore, 4, 1, order));
  EXPECT_EQ(run_task(when_all(std::move(tasks))), (std::vector<bool>{false, true}));
}

TEST(Semaphore, NeverHandsOutMoreThanItHasOnAnyNumberOfThreads) {
  Semaphore semaphore(100);
  std::atomic<int> held = 0;
  std::atomic<int> failures = 0;
  auto worker = [&](unsigned seed) -> Task<void> {
    for (int i = 0; i < 300; ++i) {
      seed = seed * 1664525 + 1013904223;
      const int count = 1 + static_cast<int>(seed >> 16) % 60;
      const bool hasty = seed % 3 == 0;
      const auto deadline = hasty ? in(milliseconds(seed % 2)) : SteadyTime::max();
      auto permits = co_await semaphore.acquire(count, deadline);
      if (!permits) continue;
      if (held.fetch_add(count) + count > 100) ++failures;
      if (seed % 5 == 0) co_await sleep_for(std::chrono::microseconds(20));
      held.fetch_sub(count);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      asio::io_context context(1);
      for (unsigned i = 0; i < 4; ++i) {
        asio::co_spawn(context, worker(t * 4 + i), [](std::exception_ptr error) {
          if (error) std::rethrow_exception(error);
        });
      }
      context.run();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(semaphore.available(), 100U);
}

TEST(Semaphore, ACoroutineThatIsDestroyedWhileItWaitsTakesNothing) {
  Semaphore semaphore(1);
  const auto held = run_task(semaphore.acquire(1, SteadyTime::max()));
  {
    asio::io_context context(1);
    std::vector<int> order;
    asio::co_spawn(context, take(semaphore, 1, 1, order), [](std::exception_ptr, bool) {});
    context.poll();
  }
  EXPECT_EQ(semaphore.available(), 0U);
}

}  // namespace
}  // namespace bunker
