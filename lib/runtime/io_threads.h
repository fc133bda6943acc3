// One io_context and one thread a core. Owner: the composition root; outlives all that runs on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "lib/runtime/task.h"

namespace bunker {

class IoThreads {
 public:
  // `count` >= 1.
  explicit IoThreads(std::size_t count);
  ~IoThreads();  // stop() and join
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  void start();
  // Stops the loops; coroutines that still run are destroyed with their io_context.
  void stop();

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] asio::io_context& context(std::size_t index) noexcept;

  // Starts `make_task()` on thread `index`; an exception that leaves it is passed to
  // std::terminate, since tasks report their failures as values.
  void spawn(std::size_t index, std::function<Task<void>()> make_task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Suspends the calling coroutine. Cancellable.
Task<void> sleep_for(std::chrono::nanoseconds duration);

// Runs `task` to its end on a private io_context and returns its value: for command line
// programs and tests, never on an I/O thread.
template <class T>
T run_task(Task<T> task);

}  // namespace bunker

#include "lib/runtime/io_threads_inl.h"
