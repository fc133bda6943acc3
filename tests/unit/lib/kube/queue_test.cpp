#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/queue_state.h"
#include "lib/kube/work_queue.h"
#include "lib/observability/metrics.h"

namespace bunker::kube {
namespace {

using namespace std::chrono_literals;

const ObjectKey kA{"ns", "a"};
const ObjectKey kB{"ns", "b"};
const ObjectKey kC{"ns", "c"};

class QueueStateTest : public testing::Test {
 protected:
  QueueState queue_{Backoff{}};
  const SteadyTime now_{100h};
};

TEST_F(QueueStateTest, AKeyThatWaitsIsNotAddedTwice) {
  queue_.add(kA, Priority::normal);
  queue_.add(kA, Priority::normal);
  EXPECT_EQ(queue_.depth(), 1u);
  EXPECT_EQ(queue_.take(now_), kA);
  EXPECT_EQ(queue_.take(now_), std::nullopt);
}

TEST_F(QueueStateTest, AKeyBeingWorkedOnComesAgainOnlyAfterDone) {
  queue_.add(kA, Priority::normal);
  EXPECT_EQ(queue_.take(now_), kA);
  queue_.add(kA, Priority::normal);
  EXPECT_EQ(queue_.take(now_), std::nullopt);
  queue_.done(kA);
  EXPECT_EQ(queue_.take(now_), kA);
  queue_.done(kA);
  EXPECT_EQ(queue_.take(now_), std::nullopt);
}

TEST_F(QueueStateTest, WhatPeopleChangeGoesBeforeWhatAStartBringsUp) {
  queue_.add(kA, Priority::low);
  queue_.add(kB, Priority::low);
  queue_.add(kC, Priority::normal);
  queue_.add(kB, Priority::normal);  // moves up
  EXPECT_EQ(queue_.take(now_), kC);
  EXPECT_EQ(queue_.take(now_), kB);
  EXPECT_EQ(queue_.take(now_), kA);
  EXPECT_EQ(queue_.take(now_), std::nullopt);
}

TEST_F(QueueStateTest, BackoffDoublesAKeyAndEndsWithForget) {
  EXPECT_EQ(queue_.next_backoff(kA), 5ms);
  EXPECT_EQ(queue_.next_backoff(kA), 10ms);
  EXPECT_EQ(queue_.next_backoff(kB), 5ms);
  for (int i = 0; i < 40; ++i) queue_.next_backoff(kA);
  EXPECT_EQ(queue_.next_backoff(kA), 1000s);
  queue_.forget(kA);
  EXPECT_EQ(queue_.next_backoff(kA), 5ms);
}

TEST_F(QueueStateTest, AKeyIsDueAtTheEarliestTimeThatAnyoneWanted) {
  queue_.add_at(kA, now_ + 10s);
  queue_.add_at(kA, now_ + 5s);
  queue_.add_at(kA, now_ + 20s);
  EXPECT_EQ(queue_.next_due(), now_ + 5s);
  EXPECT_EQ(queue_.take(now_ + 4s), std::nullopt);
  EXPECT_EQ(queue_.take(now_ + 5s), kA);
  queue_.done(kA);
  EXPECT_EQ(queue_.take(now_ + 20s), std::nullopt);
}

TEST(WorkQueueTest, ManyWorkersNeverHaveTheSameKey) {
  Metrics metrics;
  WorkQueue queue("test", {}, metrics);
  constexpr int kKeys = 7;
  std::array<std::atomic<int>, kKeys> busy{};
  std::array<std::atomic<int>, kKeys> worked{};
  std::atomic<bool> twice = false;
  std::vector<std::jthread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&](std::stop_token stop) {
      while (auto key = queue.take(stop)) {
        const auto index = static_cast<std::size_t>(std::stoi(key->name));
        if (busy[index].fetch_add(1) != 0) twice = true;
        std::this_thread::yield();
        busy[index].fetch_sub(1);
        worked[index].fetch_add(1);
        queue.done(*key);
      }
    });
  }
  for (int i = 0; i < 5000; ++i) queue.add({"ns", std::to_string(i % kKeys)});
  // The last wish for each key is served: wait for keys that were added after all others.
  for (std::size_t i = 0; i < kKeys; ++i) {
    const int before = worked[i];
    queue.add({"ns", std::to_string(i)});
    while (worked[i] == before) std::this_thread::yield();
  }
  EXPECT_FALSE(twice);
}

TEST(WorkQueueTest, ADelayedKeyWakesAWorkerThatSleeps) {
  Metrics metrics;
  WorkQueue queue("test", {}, metrics);
  std::optional<ObjectKey> got;
  std::jthread worker([&](std::stop_token stop) { got = queue.take(stop); });
  queue.add_after(kA, 1h);
  queue.add_after(kB, 1ms);
  worker.join();
  EXPECT_EQ(got, kB);
}

TEST(WorkQueueTest, WhoeverGoesToWorkLeavesSomebodyToWaitForWhatIsDue) {
  for (int i = 0; i < 50; ++i) {
    Metrics metrics;
    WorkQueue queue("test", {}, metrics);
    // Each takes one key and keeps it: neither may sleep on while a key is due.
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < 2; ++worker) {
      workers.emplace_back([&queue](std::stop_token) { EXPECT_TRUE(queue.take({})); });
    }
    queue.add_after(kA, 2ms);
    queue.add(kB);
  }
}

TEST(WorkQueueTest, StoppingEndsTheWait) {
  Metrics metrics;
  WorkQueue queue("test", {}, metrics);
  std::jthread worker([&](std::stop_token stop) { EXPECT_EQ(queue.take(stop), std::nullopt); });
  worker.request_stop();
}

}  // namespace
}  // namespace bunker::kube
