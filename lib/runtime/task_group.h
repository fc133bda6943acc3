// Tasks that run beside the coroutine that started them, and that it can wait for: how the parts of
// an upload go out while the next one comes in. One thread: all tasks run on the thread of their
// starter. Owner: the coroutine or object that starts the tasks.
//
// The group may be destroyed while tasks run; they go on, so they own all that they use.
#pragma once

#include <cstddef>
#include <memory>

#include "lib/runtime/task.h"

namespace bunker {

class TaskGroup {
 public:
  TaskGroup();

  // Starts `task` on the caller's executor. An exception that leaves it ends the process.
  Task<void> start(Task<void> task);

  // Waits until at most `count` tasks are running. One caller at a time.
  Task<void> wait(std::size_t count = 0);

  [[nodiscard]] std::size_t running() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace bunker
