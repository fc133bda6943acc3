// Threads for work that blocks or burns CPU (fsync, bcrypt, directory scans), so that the I/O
// threads never do. Thread-safe; the pool outlives every call.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>

#include "lib/runtime/task.h"

namespace bunker {

class BlockingPool {
 public:
  // `threads` >= 1. At most `threads` jobs run at once; more wait in order.
  explicit BlockingPool(std::size_t threads);
  ~BlockingPool();  // waits for running jobs
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Runs `job` on a pool thread; the calling coroutine resumes on its own executor with the
  // result. `job` must not throw. It may outlive a cancelled caller, so it captures by value.
  template <class F>
  Task<std::invoke_result_t<F>> run(F job);

 private:
  void post(std::function<void()> job);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker

#include "lib/runtime/blocking_pool_inl.h"
