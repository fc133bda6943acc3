// One Redis server, as one I/O thread sees it: a connection on which the commands of all that is
// going on are sent together, and a circuit breaker. A server that does not answer costs nobody
// time: calls fail at once while a connection is being made in the background.
// Thread rule: its io_context's thread. Owner: the thread's Nodes, and its tasks.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "lib/runtime/shared_result.h"
#include "registryd/cache/redis/connection.h"

namespace bunker::cache::redis {

class Node : public std::enable_shared_from_this<Node> {
 public:
  // Told when the server stops answering (with the reason) and when it answers again (null).
  using Observer = std::function<void(const net::Destination&, const Error*)>;

  // `dialer` outlives the io_context.
  Node(net::Dialer& dialer, net::Destination to, const Settings& settings, Observer observer)
      : dialer_(dialer), to_(std::move(to)), settings_(settings), observer_(std::move(observer)) {}

  // The commands' replies; they are sent one right after the other. Commands may be sent twice.
  // retry_later: the server cannot be reached, or is too slow.
  Task<Result<std::vector<Reply>>> call(std::vector<Command> commands);

 private:
  using Answer = SharedResult<Result<std::vector<Reply>>>;
  struct Waiting {
    std::vector<Command> commands;
    std::shared_ptr<Answer> answer;
  };

  static Task<void> connect(std::shared_ptr<Node> self);
  static Task<void> work(std::shared_ptr<Node> self);
  Task<Result<std::vector<Reply>>> exchange(std::vector<Command> commands);
  void break_off(const Error& error);

  net::Dialer& dialer_;
  const net::Destination to_;
  const Settings settings_;
  const Observer observer_;
  std::unique_ptr<Connection> connection_;  // null: the breaker is open
  bool connecting_ = false;
  bool working_ = false;
  bool complained_ = false;
  SteadyTime next_attempt_;
  std::deque<Waiting> queue_;
};

}  // namespace bunker::cache::redis
