#include "tests/sim/world.h"

#include <stdexcept>
#include <utility>

#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>

namespace bunker::sim {

Task<void> World::sleep(std::chrono::nanoseconds duration) const {
  const Executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, SteadyTime::max());
  sleepers_.emplace(elapsed_ + duration, &timer);
  std::error_code woken;
  co_await timer.async_wait(asio::redirect_error(use_task, woken));
}

void World::start(Task<void> task) {
  ++running_;
  asio::co_spawn(context_.get_executor(), std::move(task), [this](std::exception_ptr error) {
    if (error && !failure_) failure_ = error;
    --running_;
  });
}

void World::run() {
  while (running_ > 0) {
    context_.restart();
    // Twice: timers of no duration are due only at the next poll.
    if (context_.poll() + context_.poll() > 0) continue;
    if (failure_) std::rethrow_exception(failure_);
    if (sleepers_.empty()) throw std::logic_error("everybody waits for nothing");
    elapsed_ = std::max(elapsed_, sleepers_.begin()->first);
    while (!sleepers_.empty() && sleepers_.begin()->first <= elapsed_) {
      asio::steady_timer* const timer = sleepers_.begin()->second;
      sleepers_.erase(sleepers_.begin());
      timer->cancel();
    }
  }
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace bunker::sim
