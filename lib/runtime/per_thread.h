// Objects of which each I/O thread has its own, and which end with its io_context: connections that
// are kept from one call to the next. Thread rule: the io_context's thread. Owner: the io_context.
#pragma once

#include <memory>

#include "lib/runtime/task.h"

namespace bunker {

// Where `owner` keeps its object on the executor's thread; null at first. `owner`, which stands for
// nothing but itself, is kept as long.
[[nodiscard]] std::shared_ptr<void>& per_thread_slot(const Executor& executor,
                                                     const std::shared_ptr<const void>& owner);

}  // namespace bunker
