// Redis: one server, one behind sentinels, or a cluster. Made for a cache: a command that cannot be
// answered within a few milliseconds fails, and nothing waits for a server that is down.
// Thread-safe; each I/O thread has connections of its own, which go with its io_context.
// Owner: the composition root.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "registryd/cache/redis/node.h"
#include "registryd/cache/redis/topology.h"

namespace bunker::cache::redis {

class Client {
 public:
  // `settings` has a seed. `dialer` outlives the I/O threads.
  Client(net::Dialer& dialer, Settings settings, Node::Observer observer);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The reply of the server that has `key`; never an error of Redis's. retry_later: it does not
  // answer, or is not the one that can (it is loading, or a replica); forbidden: it refuses.
  Task<Result<Reply>> call(std::string key, Command command);

  // Every server that has keys, and one's reply, whatever the keys.
  [[nodiscard]] std::vector<net::Destination> nodes() const;
  Task<Result<Reply>> call_at(net::Destination node, Command command);

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace bunker::cache::redis
