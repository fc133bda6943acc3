#include "registryd/cache/redis/node.h"

#include <iterator>
#include <utility>

#include "lib/runtime/io_threads.h"

namespace bunker::cache::redis {
namespace {

constexpr std::size_t kMostWaiting = 4096;  // calls; more are refused
constexpr std::size_t kMostAtOnce = 128;    // commands that are sent together

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

std::unexpected<Error> unreachable() {
  return fail(Code::retry_later, "Redis does not answer");
}

}  // namespace

Task<Result<std::vector<Reply>>> Node::call(std::vector<Command> commands) {
  const Executor executor = co_await this_executor();
  if (connection_ == nullptr && !working_) {
    if (!connecting_ && now() >= next_attempt_) {
      connecting_ = true;
      start_detached(executor, connect(shared_from_this()));
    }
    co_return unreachable();
  }
  if (queue_.size() >= kMostWaiting) co_return unreachable();
  const auto answer = std::make_shared<Answer>();
  queue_.push_back({std::move(commands), answer});
  if (!working_) {
    working_ = true;
    start_detached(executor, work(shared_from_this()));
  }
  co_return co_await answer->get();
}

Task<void> Node::connect(std::shared_ptr<Node> self) {
  auto connection = co_await Connection::open(self->dialer_, self->to_, self->settings_.login,
                                              now() + self->settings_.dial_time);
  self->connecting_ = false;
  if (!connection) {
    self->break_off(connection.error());
    co_return;
  }
  self->connection_ = *std::move(connection);
  self->complained_ = false;
  self->observer_(self->to_, nullptr);
}

Task<void> Node::work(std::shared_ptr<Node> self) {
  while (!self->queue_.empty()) {
    std::vector<Waiting> batch;
    std::vector<Command> commands;
    while (!self->queue_.empty() && commands.size() < kMostAtOnce) {
      batch.push_back(std::move(self->queue_.front()));
      self->queue_.pop_front();
      std::ranges::move(batch.back().commands, std::back_inserter(commands));
    }
    std::vector<std::size_t> sizes;
    for (const Waiting& waiting : batch) sizes.push_back(waiting.commands.size());
    auto replies = co_await self->exchange(std::move(commands));
    if (!replies) {
      self->break_off(replies.error());
      for (Waiting& waiting : self->queue_) batch.push_back(std::move(waiting));
      self->queue_.clear();
      for (const Waiting& waiting : batch) waiting.answer->set(unreachable());
      break;
    }
    auto next = std::make_move_iterator(replies->begin());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto end = next + static_cast<std::ptrdiff_t>(sizes[i]);
      batch[i].answer->set(std::vector<Reply>(next, end));
      next = end;
    }
  }
  self->working_ = false;
}

Task<Result<std::vector<Reply>>> Node::exchange(std::vector<Command> commands) {
  const SteadyTime deadline = now() + settings_.reply_time;
  auto replies = co_await connection_->exchange(commands, deadline);
  if (replies || replies.error().code != Code::cancelled) co_return replies;
  // A server that was started again closed it meanwhile.
  BUNKER_CO_TRY_ASSIGN(connection_,
                       co_await Connection::open(dialer_, to_, settings_.login, deadline));
  co_return co_await connection_->exchange(std::move(commands), deadline);
}

void Node::break_off(const Error& error) {
  connection_.reset();
  next_attempt_ = now() + settings_.retry_time;
  if (std::exchange(complained_, true)) return;
  observer_(to_, &error);
}

}  // namespace bunker::cache::redis
