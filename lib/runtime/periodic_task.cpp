#include "lib/runtime/periodic_task.h"

#include <condition_variable>
#include <mutex>

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

namespace bunker {
namespace {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace

struct PeriodicTask::State {
  State(asio::io_context& io_context, Options task_options, std::function<Task<void>()> task)
      : context(io_context), options(task_options), run(std::move(task)), timer(io_context) {}

  static Task<void> loop(std::shared_ptr<State> state) {
    if (!state->begin()) co_return;
    std::chrono::nanoseconds pause = state->options.first_delay;
    while (!state->asked_to_stop()) {
      state->timer.expires_after(pause);
      asio::error_code ignored;
      co_await state->timer.async_wait(asio::redirect_error(use_task, ignored));
      if (!state->asked_to_stop()) co_await state->run();
      pause = state->options.interval;
    }
    state->finish();
  }

  bool begin() {
    const std::lock_guard lock(mutex);
    running = !stopping;
    return running;
  }

  bool asked_to_stop() {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  void finish() {
    const std::lock_guard lock(mutex);
    running = false;
    changed.notify_all();
  }

  asio::io_context& context;
  const Options options;
  const std::function<Task<void>()> run;
  Timer timer;  // used on the I/O thread only

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  bool running = false;  // from the loop's first step to its last
  bool stopping = false;
};

PeriodicTask::PeriodicTask(IoThreads& threads, Options options, std::function<Task<void>()> run)
    : state_(std::make_shared<State>(threads.context(options.thread), options, std::move(run))) {
  threads.spawn(options.thread, [state = state_] { return State::loop(state); });
}

PeriodicTask::~PeriodicTask() {
  stop();
}

void PeriodicTask::stop() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  if (!state_->running) return;
  asio::post(state_->context, [state = state_] { state->timer.cancel(); });
  // A stopped io_context runs nothing any more, what was posted just now included.
  while (state_->running && !state_->context.stopped()) {
    state_->changed.wait_for(lock, std::chrono::milliseconds(10));
  }
}

}  // namespace bunker
