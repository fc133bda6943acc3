// One io_context and one thread a core. Owner: the composition root; outlives all that runs on it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "lib/runtime/task.h"

namespace bunker {

class IoThreads {
 public:
  // `count` >= 1.
  explicit IoThreads(std::size_t count);
  ~IoThreads();  // stop()
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  void start();
  // Stops the loops and joins the threads. Coroutines that are still suspended are destroyed with
  // the IoThreads. Idempotent.
  void stop();

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] asio::io_context& context(std::size_t index) noexcept;

  // Starts `make_task()` on thread `index`. Any thread. An exception that leaves the task ends the
  // process: tasks report their failures as values.
  void spawn(std::size_t index, std::function<Task<void>()> make_task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The executor of the calling coroutine.
Task<Executor> this_executor();

// Starts `task` on `executor`, for work that outlives the coroutine or object that wants it done;
// it owns all that it uses. On the executor's thread. An exception that leaves the task ends the
// process.
void start_detached(const Executor& executor, Task<void> task);

// Suspends the calling coroutine. Cancelling it ends the wait with asio::system_error.
Task<void> sleep_for(std::chrono::nanoseconds duration);

// Awaits every task, at most `parallel` (>= 1) at a time, on the caller's thread. Results in the
// order of `tasks`. Cannot be cancelled, so the tasks may refer to the caller's frame.
template <class T>
Task<std::vector<T>> when_all(std::vector<Task<T>> tasks, std::size_t parallel = 64);

// Runs `task` to its end on a private io_context and returns its value: for command line programs
// and tests, never on an I/O thread.
template <class T>
T run_task(Task<T> task);

namespace runtime_detail {

// Counts finished tasks and wakes the one coroutine that waits for all of them.
class Gate {
 public:
  explicit Gate(std::size_t count);
  ~Gate();
  void arrive();
  Task<void> wait();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// One worker of when_all: runs the tasks that no worker has taken yet. All is when_all's frame's,
// which waits for its workers.
template <class T>
Task<void> take_tasks(std::vector<Task<T>>& tasks, std::vector<std::optional<T>>& results,
                      std::size_t& next) {
  while (next < tasks.size()) {
    const std::size_t index = next++;
    results[index].emplace(co_await std::move(tasks[index]));
  }
}

}  // namespace runtime_detail

template <class T>
Task<std::vector<T>> when_all(std::vector<Task<T>> tasks, std::size_t parallel) {
  std::vector<std::optional<T>> results(tasks.size());
  std::exception_ptr failure;
  std::size_t next = 0;
  const std::size_t workers = std::min(parallel, tasks.size());
  runtime_detail::Gate gate(workers);
  const Executor executor = co_await asio::this_coro::executor;
  for (std::size_t i = 0; i < workers; ++i) {
    asio::co_spawn(executor, runtime_detail::take_tasks(tasks, results, next),
                   [&](std::exception_ptr error) {
                     if (error && !failure) failure = error;
                     gate.arrive();
                   });
  }
  if (workers > 0) co_await gate.wait();
  if (failure) std::rethrow_exception(failure);
  std::vector<T> out;
  out.reserve(results.size());
  for (auto& result : results) out.push_back(std::move(*result));
  co_return out;
}

template <class T>
T run_task(Task<T> task) {
  asio::io_context context(1);
  std::exception_ptr failure;
  auto done = [&failure](std::exception_ptr error) { failure = error; };
  if constexpr (std::is_void_v<T>) {
    asio::co_spawn(context, std::move(task), done);
    context.run();
    if (failure) std::rethrow_exception(failure);
  } else {
    std::optional<T> result;
    auto store = [](Task<T> inner, std::optional<T>& out) -> Task<void> {
      out.emplace(co_await std::move(inner));
    };
    asio::co_spawn(context, store(std::move(task), result), done);
    context.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }
}

}  // namespace bunker
