// Opens connections as a client: names, addresses, TCP and TLS.
// Thread rule: a dialer is used from every I/O thread; the streams belong to the caller's.
#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/net/address.h"
#include "lib/net/stream.h"
#include "lib/net/tls_client.h"
#include "lib/runtime/blocking_pool.h"
#include "lib/runtime/task.h"

namespace bunker::net {

struct Destination {
  std::string host;  // a name, an address without brackets, or the path of a unix socket
  unsigned port = 0;
  bool tls = false;

  Destination() = default;
  Destination(std::string name, unsigned number, bool secure)
      : host(std::move(name)), port(number), tls(secure) {}
  auto operator<=>(const Destination&) const = default;
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // A stream to `to` that is ready for use, on the calling coroutine's io_context.
  // retry_later: nobody answers there in time, or the name cannot be resolved now; invalid: there
  // is no such name, or the peer speaks no TLS; forbidden: the peer's certificate is not trusted;
  // unsupported: this dialer has no TLS.
  virtual Task<Result<std::unique_ptr<Stream>>> dial(Destination to, SteadyTime deadline) = 0;
};

// Tries the addresses of a name one after the other, beginning with another one each time.
class SocketDialer final : public Dialer {
 public:
  struct Options {
    std::chrono::milliseconds connect_time{5'000};  // for one address
    std::chrono::milliseconds names_for{30'000};    // how long a resolved name is believed
  };

  // Names are resolved on `pool`, which outlives the dialer, as does `tls`, which may be null.
  SocketDialer(BlockingPool& pool, const TlsClient* tls, Options options);
  SocketDialer(BlockingPool& pool, const TlsClient* tls) : SocketDialer(pool, tls, Options()) {}

  Task<Result<std::unique_ptr<Stream>>> dial(Destination to, SteadyTime deadline) override;

 private:
  using Name = std::pair<std::string, unsigned>;
  struct Resolved {
    std::vector<Endpoint> endpoints;
    SteadyTime expires;
    std::size_t next = 0;  // to begin with
  };

  Task<Result<std::vector<Endpoint>>> endpoints_of(const Destination& to);
  Task<Result<std::unique_ptr<Stream>>> connect(const Endpoint& endpoint, const Destination& to,
                                                SteadyTime deadline);
  [[nodiscard]] std::vector<Endpoint> cached(const Name& name);
  void forget(const Name& name);

  BlockingPool& pool_;
  const TlsClient* tls_;
  Options options_;
  std::mutex mutex_;
  std::map<Name, Resolved> names_;
};

}  // namespace bunker::net
