// One value, made once, that any number of coroutines on any threads wait for: how concurrent
// requests for the same thing share one piece of work. Thread-safe. Held by shared_ptr, by the
// maker and by whoever waits; the waiters' IoThreads outlive it.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include "lib/runtime/task.h"

namespace bunker {

// T is copied to every waiter.
template <class T>
class SharedResult {
 public:
  // Wakes those who wait. Called once.
  void set(T value) {
    std::vector<std::move_only_function<void(T)>> waiters;
    {
      const std::lock_guard lock(mutex_);
      value_.emplace(value);
      waiters.swap(waiters_);
    }
    for (auto& wake : waiters) wake(value);
  }

  // The value, as soon as there is one. Resumes on the caller's executor. Cannot be cancelled.
  Task<T> get() {
    const Executor executor = co_await asio::this_coro::executor;
    auto start = [this, executor](auto handler) {
      std::move_only_function<void(T)> wake = [executor, guard = asio::make_work_guard(executor),
                                               handler = std::move(handler)](T value) mutable {
        asio::post(executor, [handler = std::move(handler), value = std::move(value)]() mutable {
          std::move(handler)(std::move(value));
        });
      };
      std::unique_lock lock(mutex_);
      if (!value_) {
        waiters_.push_back(std::move(wake));
        return;
      }
      T value = *value_;
      lock.unlock();
      wake(std::move(value));
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void(T)>(
        std::move(start), use_task);
  }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
  std::vector<std::move_only_function<void(T)>> waiters_;
};

}  // namespace bunker
