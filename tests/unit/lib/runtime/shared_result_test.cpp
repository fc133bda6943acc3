#include "lib/runtime/shared_result.h"

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "lib/runtime/io_threads.h"

namespace bunker {
namespace {

TEST(SharedResultTest, EveryWaiterGetsTheValueOnItsOwnThread) {
  constexpr int kWaiters = 40;
  IoThreads threads(2);
  auto shared = std::make_shared<SharedResult<std::string>>();
  std::atomic<int> right = 0;
  std::latch waiting(kWaiters), done(kWaiters);
  threads.start();
  for (int i = 0; i < kWaiters; ++i) {
    threads.spawn(static_cast<std::size_t>(i % 2), [&, shared]() -> Task<void> {
      const auto home = std::this_thread::get_id();
      waiting.count_down();
      const std::string value = co_await shared->get();
      if (value == "value" && home == std::this_thread::get_id()) ++right;
      done.count_down();
    });
  }
  waiting.wait();
  shared->set("value");
  done.wait();
  EXPECT_EQ(right, kWaiters);
}

TEST(SharedResultTest, WhoComesLateDoesNotWait) {
  SharedResult<int> shared;
  shared.set(5);
  EXPECT_EQ(run_task(shared.get()), 5);
  EXPECT_EQ(run_task(shared.get()), 5);
}

TEST(SharedResultTest, AWaiterKeepsItsLoopRunning) {
  auto shared = std::make_shared<SharedResult<int>>();
  std::jthread maker([shared] { shared->set(6); });
  EXPECT_EQ(run_task(shared->get()), 6);
}

}  // namespace
}  // namespace bunker
