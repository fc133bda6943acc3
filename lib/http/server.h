// The HTTP/1.1 server: accepts connections on every I/O thread and feeds a Handler.
// Owner: the composition root. Thread rule: construct, start, drain from one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/http/message.h"

namespace bunker {
class IoThreads;
}
namespace bunker::net {
class TlsServer;
}

namespace bunker::http {

struct Limits {
  std::size_t header_bytes = 64 * 1024;   // request line and fields together; over: 431 (or 414)
  std::size_t header_count = 128;         // over: 431
  std::uint64_t body_bytes = UINT64_MAX;  // of a request; over: 413
  std::size_t connections = 20'000;       // over: accepted late, by the kernel's backlog
  std::size_t handshakes = 512;           // of TLS, under way at once; over: they wait
  std::chrono::milliseconds handshake_time{10'000};  // from accept to the end of the handshake
  std::chrono::milliseconds header_time{15'000};  // from the first byte to the end of the head: 408
  std::chrono::milliseconds idle_time{120'000};   // between requests: silently closed
  // A body, either way, must move at least `min_bytes` in every `stall_time`, so that a slow but
  // honest client goes on and a silent one is cut (408 where no response has begun).
  std::chrono::milliseconds stall_time{60'000};
  std::uint64_t stall_bytes = 1;
  // Unread request bodies up to this are drained, so that the connection can be kept.
  std::uint64_t drain_bytes = 256 * 1024;
};

// What the server saw, for metrics and logs; called on I/O threads, must be cheap.
struct Observer {
  std::function<void(std::ptrdiff_t delta)> connections;  // +1 opened, -1 closed
  std::function<void(std::string_view reason)> refused;   // requests refused before a handler ran
  std::function<void(std::string_view what)> failed;      // a handler threw, or a body broke off
  // A client could not shake hands; forbidden: its certificate is missing or not good.
  std::function<void(std::string_view peer, const Error& error)> handshake_failed;
};

// Makes the answer to a request that no handler sees, or could not answer: 400, 403, 408, 413, 414,
// 417, 431, 500, 501, 503, 505. `reason` is one sentence for the client.
using Refuse = std::function<Response(int status, std::string_view reason)>;

class Server {
 public:
  struct Options {
    std::string network = "tcp";  // "tcp" or "unix"
    std::string address;          // "127.0.0.1:5000", ":5000", "[::1]:0", or a socket's path
    Limits limits;
    Observer observer;
    Refuse refuse;  // empty: plain text
    // Null: plain HTTP. Outlives the server. Connections whose client's certificate does not hold
    // any more are closed between requests, or have their next request refused with 403.
    net::TlsServer* tls = nullptr;
  };

  // `threads` outlives the server.
  Server(IoThreads& threads, Options options, Handler handler);
  // drain(0). A handler that is still running then goes on; call drain() before destroying what it
  // uses, or stop the threads first.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and listens on every I/O thread; sets SIGPIPE to be ignored in this process.
  // invalid: bad address; conflict: address in use; forbidden: not permitted.
  [[nodiscard]] Result<void> start();

  // "127.0.0.1:5000": what it is bound to, with the real port where 0 was asked for.
  [[nodiscard]] std::string bound_address() const;

  // Stops accepting, lets running requests finish (responses carry Connection: close), closes idle
  // connections, and cuts what is left after `timeout`. Blocks the caller.
  // Returns the number of connections that had to be cut.
  std::size_t drain(std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::http
