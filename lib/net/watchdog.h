// Deadlines for many waiters at the price of one timer an io_context: deadlines that only move
// later, as those of busy connections do, cost a store and no timer operation.
// Thread rule: everything on the io_context's thread. Owner: the io_context (an Asio service).
#pragma once

#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>

#include "lib/base/clock.h"

namespace bunker::net {

class WatchdogService;

// Something that must not wait longer than its deadline.
class Watched {
 public:
  explicit Watched(asio::io_context& context);
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 protected:
  ~Watched();

  // on_deadline() is called soon after `deadline`, once. Replaces the deadline before it. Called
  // from a handler or coroutine on the io_context, which a deadline alone does not keep running.
  void arm(SteadyTime deadline);
  void disarm() noexcept { deadline_ = SteadyTime::max(); }

 private:
  friend class WatchdogService;
  virtual void on_deadline() noexcept = 0;

  WatchdogService& service_;
  SteadyTime deadline_ = SteadyTime::max();
  Watched* next_ = nullptr;
  Watched* previous_ = nullptr;
};

}  // namespace bunker::net
