#include "lib/runtime/semaphore.h"

#include <algorithm>
#include <chrono>

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

namespace bunker {
namespace {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace

// `granted` belongs to the semaphore's lock, the timer to the waiter's thread.
struct Semaphore::Waiter {
  Waiter(std::uint64_t wanted, const Executor& where)
      : count(wanted), executor(where), timer(where) {}

  const std::uint64_t count;
  bool granted = false;
  const Executor executor;
  Timer timer;
};

Permits& Permits::operator=(Permits&& other) noexcept {
  if (this != &other) {
    shrink(0);
    semaphore_ = std::exchange(other.semaphore_, nullptr);
    count_ = std::exchange(other.count_, 0);
  }
  return *this;
}

void Permits::shrink(std::uint64_t count) noexcept {
  if (count >= count_) return;
  semaphore_->release(count_ - count);
  count_ = count;
}

Task<Result<Permits>> Semaphore::acquire(std::uint64_t count, SteadyTime deadline) {
  count = std::min(count, total_);
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty() && free_ >= count) {
      free_ -= count;
      co_return Permits(this, count);
    }
  }
  auto waiter = std::make_shared<Waiter>(count, co_await asio::this_coro::executor);
  waiter->timer.expires_at(deadline);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(waiter);
    serve();
  }
  // Also when the coroutine is destroyed while it waits.
  struct Leave {
    Semaphore& semaphore;
    std::shared_ptr<Waiter> waiter;
    std::uint64_t given() { return semaphore.leave(std::exchange(waiter, nullptr)); }
    ~Leave() {
      if (waiter) semaphore.release(given());
    }
  } leave{*this, waiter};
  asio::error_code ignored;
  co_await waiter->timer.async_wait(asio::redirect_error(use_task, ignored));
  const std::uint64_t given = leave.given();
  if (given == 0 && count > 0) {
    co_return fail(Code::retry_later, "too much is going on at once", "try again later");
  }
  co_return Permits(this, given);
}

std::uint64_t Semaphore::available() const {
  const std::lock_guard lock(mutex_);
  return free_;
}

void Semaphore::release(std::uint64_t count) noexcept {
  const std::lock_guard lock(mutex_);
  free_ += count;
  serve();
}

void Semaphore::serve() {
  while (!queue_.empty() && queue_.front()->count <= free_) {
    const std::shared_ptr<Waiter> waiter = std::move(queue_.front());
    queue_.pop_front();
    free_ -= waiter->count;
    waiter->granted = true;
    asio::post(waiter->executor, [waiter] { waiter->timer.cancel(); });
  }
}

std::uint64_t Semaphore::leave(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  if (waiter->granted) return waiter->count;
  queue_.remove(waiter);
  serve();
  return 0;
}

}  // namespace bunker
