// Threads for work that blocks or burns CPU (fsync, bcrypt, directory scans), so that the I/O
// threads never do. Thread-safe. Owner: the composition root, which destroys the pool before the
// IoThreads whose coroutines use it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include "lib/runtime/task.h"

namespace bunker {

class BlockingPool {
 public:
  // `threads` >= 1. At most `threads` jobs run at once; more wait in order.
  explicit BlockingPool(std::size_t threads);
  ~BlockingPool();  // runs what is queued to its end
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Runs `job` on a pool thread; the calling coroutine resumes on its own executor with the
  // result. `job` must not throw. The call cannot be cancelled.
  template <class F>
  Task<std::invoke_result_t<F&>> run(F job);

  // Runs `job` on a pool thread some time later; nobody waits for it. It must not throw.
  void post(std::move_only_function<void()> job);

  // Blocks until nothing is queued or running: at shutdown, between stopping the I/O threads and
  // destroying them, so that no job resumes a coroutine that is gone.
  void wait_idle();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

template <class F>
Task<std::invoke_result_t<F&>> BlockingPool::run(F job) {
  using R = std::invoke_result_t<F&>;
  const Executor executor = co_await asio::this_coro::executor;
  if constexpr (std::is_void_v<R>) {
    auto start = [this, executor](auto handler, F work) {
      post([executor, guard = asio::make_work_guard(executor), handler = std::move(handler),
            work = std::move(work)]() mutable {
        work();
        asio::post(executor, [handler = std::move(handler)]() mutable { std::move(handler)(); });
      });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
        std::move(start), use_task, std::move(job));
  } else {
    auto start = [this, executor](auto handler, F work) {
      post([executor, guard = asio::make_work_guard(executor), handler = std::move(handler),
            work = std::move(work)]() mutable {
        R result = work();
        asio::post(executor, [handler = std::move(handler), result = std::move(result)]() mutable {
          std::move(handler)(std::move(result));
        });
      });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void(R)>(
        std::move(start), use_task, std::move(job));
  }
}

}  // namespace bunker
