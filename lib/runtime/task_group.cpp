#include "lib/runtime/task_group.h"

#include <chrono>
#include <exception>
#include <optional>

#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

namespace bunker {
namespace {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace

struct TaskGroup::State {
  std::size_t running = 0;
  Timer* waiting = nullptr;  // of the frame that is in wait()
};

TaskGroup::TaskGroup() : state_(std::make_shared<State>()) {}

Task<void> TaskGroup::start(Task<void> task) {
  const Executor executor = co_await asio::this_coro::executor;
  ++state_->running;
  asio::co_spawn(executor, std::move(task), [state = state_](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
    --state->running;
    if (state->waiting != nullptr) state->waiting->cancel();
  });
}

Task<void> TaskGroup::wait(std::size_t count) {
  const std::shared_ptr<State> state = state_;
  if (state->running <= count) co_return;
  Timer timer(co_await asio::this_coro::executor, std::chrono::steady_clock::time_point::max());
  struct Waiting {
    State& state;
    ~Waiting() { state.waiting = nullptr; }
  } waiting{*state};
  state->waiting = &timer;
  while (state->running > count) {
    asio::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(use_task, ignored));
  }
}

std::size_t TaskGroup::running() const noexcept {
  return state_->running;
}

}  // namespace bunker
