#include "lib/runtime/task_group.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "lib/runtime/io_threads.h"

namespace bunker {
namespace {

using std::chrono::milliseconds;

Task<void> finish_after(milliseconds time, int id, std::shared_ptr<std::vector<int>> order) {
  if (time.count() > 0) co_await sleep_for(time);
  order->push_back(id);
}

TEST(TaskGroup, WaitsUntilFewEnoughAreLeft) {
  const auto order = std::make_shared<std::vector<int>>();
  auto all = [order]() -> Task<void> {
    TaskGroup group;
    co_await group.wait();
    co_await group.start(finish_after(milliseconds(60), 3, order));
    co_await group.start(finish_after(milliseconds(5), 1, order));
    co_await group.start(finish_after(milliseconds(20), 2, order));
    EXPECT_EQ(group.running(), 3U);
    co_await group.wait(3);
    EXPECT_EQ(group.running(), 3U);
    co_await group.wait(1);
    EXPECT_EQ(*order, (std::vector<int>{1, 2}));
    co_await group.wait();
    EXPECT_EQ(*order, (std::vector<int>{1, 2, 3}));
    co_await group.start(finish_after(milliseconds(0), 4, order));
    co_await group.wait();
  };
  run_task(all());
  EXPECT_EQ(*order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(TaskGroup, TasksOutliveTheirGroup) {
  const auto order = std::make_shared<std::vector<int>>();
  auto all = [order]() -> Task<void> {
    TaskGroup group;
    co_await group.start(finish_after(milliseconds(5), 1, order));
  };
  run_task(all());
  EXPECT_EQ(*order, (std::vector<int>{1}));
}

}  // namespace
}  // namespace bunker
