#include "lib/runtime/io_threads.h"

#include <thread>

#include <asio/executor_work_guard.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

namespace bunker {
namespace {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

struct Loop {
  asio::io_context context{1};  // one thread runs it
  asio::executor_work_guard<Executor> work{context.get_executor()};
  std::thread thread;
};

}  // namespace

struct IoThreads::Impl {
  std::vector<std::unique_ptr<Loop>> loops;
};

IoThreads::IoThreads(std::size_t count) : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 0; i < count; ++i) impl_->loops.push_back(std::make_unique<Loop>());
}

IoThreads::~IoThreads() {
  stop();
}

void IoThreads::start() {
  for (auto& loop : impl_->loops) {
    loop->thread = std::thread([&context = loop->context] { context.run(); });
  }
}

void IoThreads::stop() {
  for (auto& loop : impl_->loops) loop->context.stop();
  for (auto& loop : impl_->loops) {
    if (loop->thread.joinable()) loop->thread.join();
  }
}

std::size_t IoThreads::size() const noexcept {
  return impl_->loops.size();
}

asio::io_context& IoThreads::context(std::size_t index) noexcept {
  return impl_->loops[index]->context;
}

void IoThreads::spawn(std::size_t index, std::function<Task<void>()> make_task) {
  asio::co_spawn(context(index), std::move(make_task), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

Task<Executor> this_executor() {
  co_return co_await asio::this_coro::executor;
}

void start_detached(const Executor& executor, Task<void> task) {
  asio::co_spawn(executor, std::move(task), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

Task<void> sleep_for(std::chrono::nanoseconds duration) {
  Timer timer(co_await asio::this_coro::executor);
  timer.expires_after(duration);
  co_await timer.async_wait(use_task);
}

namespace runtime_detail {

struct Gate::Impl {
  std::size_t left;
  std::optional<Timer> timer;
};

Gate::Gate(std::size_t count) : impl_(std::make_shared<Impl>(Impl{count, std::nullopt})) {}
Gate::~Gate() = default;

void Gate::arrive() {
  if (--impl_->left == 0 && impl_->timer) impl_->timer->cancel();
}

Task<void> Gate::wait() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  impl_->timer.emplace(co_await asio::this_coro::executor,
                       std::chrono::steady_clock::time_point::max());
  while (impl_->left > 0) {
    asio::error_code ignored;
    co_await impl_->timer->async_wait(asio::redirect_error(use_task, ignored));
  }
}

}  // namespace runtime_detail
}  // namespace bunker
