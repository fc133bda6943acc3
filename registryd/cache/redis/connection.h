// One connection to a Redis server: logs in, and exchanges commands for replies, many at a time.
// Thread rule: its io_context's thread, one caller at a time. Owner: the Node. After an error it is
// of no more use.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/net/dialer.h"
#include "lib/net/stream.h"
#include "registryd/cache/redis/protocol.h"
#include "registryd/cache/redis/settings.h"

namespace bunker::cache::redis {

class Connection {
 public:
  // Errors: the dialer's; forbidden: Redis does not let us in; what exchange() fails with.
  static Task<Result<std::unique_ptr<Connection>>> open(net::Dialer& dialer, net::Destination to,
                                                        Login login, SteadyTime deadline);
  explicit Connection(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}

  // A reply for each of the commands, in their order; replies may be errors. retry_later: not
  // before `deadline`; cancelled: the connection broke; invalid: that was no Redis.
  Task<Result<std::vector<Reply>>> exchange(std::vector<Command> commands, SteadyTime deadline);

 private:
  Task<Result<void>> log_in(Login login, SteadyTime deadline);

  std::unique_ptr<net::Stream> stream_;
  ReplyReader reader_;
};

}  // namespace bunker::cache::redis
