// Which Redis server has a key: always the same one, the master that sentinels name, or a cluster's
// node by the key's slot. What is known is kept up to date in the background; nobody waits for it.
// Thread-safe. Owner: the Client.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "registryd/cache/redis/connection.h"

namespace bunker::cache::redis {

// The slot of a key in a cluster (CRC16, of what is between the first '{' and '}' after it where
// that is not empty). Pure.
[[nodiscard]] unsigned slot_of(std::string_view key);

// Where a MOVED or ASK error sends us. `asked`: who sent it, for an address without a host.
struct Redirection {
  bool moved = false;  // for good, rather than for one command
  unsigned slot = 0;
  net::Destination to;
};
[[nodiscard]] std::optional<Redirection> parse_redirection(std::string_view error,
                                                           const net::Destination& asked);

class Topology : public std::enable_shared_from_this<Topology> {
 public:
  // `dialer` outlives the tasks of all threads.
  Topology(net::Dialer& dialer, Settings settings);

  // nullopt: not known yet. Looks for it in the background then.
  [[nodiscard]] std::optional<net::Destination> node_of(std::string_view key,
                                                        const Executor& executor);
  // Every node that has keys.
  [[nodiscard]] std::vector<net::Destination> nodes() const;
  // Something speaks against what is known: looks again, unless that was just done.
  void doubt(const Executor& executor);
  void moved(const Redirection& redirection);

 private:
  static constexpr std::size_t kSlots = 16384;
  using Slots = std::array<std::uint16_t, kSlots>;  // index into nodes_

  static Task<void> look(std::shared_ptr<Topology> self);
  // Asks one server; whether it knew.
  Task<Result<void>> ask(net::Destination server);
  Result<void> take_master(const Reply& reply, const net::Destination& server);
  Result<void> take_slots(const Reply& reply, const net::Destination& server);

  net::Dialer& dialer_;
  const Settings settings_;
  mutable std::mutex mutex_;
  std::vector<net::Destination> nodes_;
  std::unique_ptr<Slots> slots_;  // of a cluster
  bool looking_ = false;
  SteadyTime next_look_;
};

}  // namespace bunker::cache::redis
