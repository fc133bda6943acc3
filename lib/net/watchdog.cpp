#include "lib/net/watchdog.h"

#include <algorithm>
#include <chrono>

#include <asio/basic_waitable_timer.hpp>
#include <asio/error_code.hpp>

#include "lib/runtime/task.h"

namespace bunker::net {
namespace {

// Two sweeps are at least this far apart, however many deadlines fall between them.
constexpr auto kGranularity = std::chrono::milliseconds(20);

}  // namespace

class WatchdogService final : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;

  explicit WatchdogService(asio::execution_context& context)
      : service(context), timer_(static_cast<asio::io_context&>(context)) {}

  void add(Watched& entry) noexcept {
    entry.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &entry;
    first_ = &entry;
  }

  void remove(Watched& entry) noexcept {
    if (sweep_next_ == &entry) sweep_next_ = entry.next_;
    if (entry.next_ != nullptr) entry.next_->previous_ = entry.previous_;
    (entry.previous_ != nullptr ? entry.previous_->next_ : first_) = entry.next_;
  }

  void wake_by(SteadyTime deadline) {
    earliest_ = std::min(earliest_, deadline);
    if (deadline >= wake_at_ || sweeping_) return;
    wake_at_ = deadline;
    timer_.expires_at(deadline);
    // The timer alone must not keep the io_context running: it is no work in its own right.
    const Executor executor = timer_.get_executor();
    timer_.async_wait([this, executor](const asio::error_code& error) {
      executor.on_work_started();
      if (!error) sweep();
    });
    executor.on_work_finished();
  }

 private:
  void shutdown() override {}

  void sweep() {
    const SteadyTime now = std::chrono::steady_clock::now();
    sweeping_ = true;
    earliest_ = SteadyTime::max();
    for (Watched* entry = first_; entry != nullptr; entry = sweep_next_) {
      sweep_next_ = entry->next_;
      if (entry->deadline_ <= now) {
        entry->deadline_ = SteadyTime::max();
        entry->on_deadline();
      } else {
        earliest_ = std::min(earliest_, entry->deadline_);
      }
    }
    sweeping_ = false;
    wake_at_ = SteadyTime::max();
    if (earliest_ != SteadyTime::max()) wake_by(std::max(earliest_, now + kGranularity));
  }

  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      timer_;
  SteadyTime wake_at_ = SteadyTime::max();   // when the timer fires
  SteadyTime earliest_ = SteadyTime::max();  // a lower bound of the deadlines
  Watched* first_ = nullptr;
  Watched* sweep_next_ = nullptr;
  bool sweeping_ = false;
};

asio::execution_context::id WatchdogService::id;

Watched::Watched(asio::io_context& context)
    : service_(asio::use_service<WatchdogService>(context)) {
  service_.add(*this);
}

Watched::~Watched() {
  service_.remove(*this);
}

void Watched::arm(SteadyTime deadline) {
  deadline_ = deadline;
  service_.wake_by(deadline);
}

}  // namespace bunker::net
