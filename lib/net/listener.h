// Accepts connections, one Listener an I/O thread on one address. TCP listeners share the port
// with SO_REUSEPORT, so that the kernel spreads connections; unix listeners share one socket.
// Thread rule: open from anywhere before the threads run or on them; the rest on the io_context's
// thread. Owner: the server.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <asio/basic_waitable_timer.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>

#include "lib/base/result.h"
#include "lib/net/address.h"
#include "lib/runtime/task.h"

namespace bunker::net {

// Removes a unix socket's file with its last owner, unless another process has replaced it.
class SocketFile;

struct Accepted {
  int fd = -1;  // non-blocking, without Nagle's algorithm; the caller's to close
  Endpoint peer;
};

class Listener {
 public:
  // Owns `fd`, a listening socket.
  Listener(asio::io_context& context, int fd, std::shared_ptr<const SocketFile> file);

  // The next connection. When the process is out of descriptors or memory, waits a little and
  // tries again. cancelled: close() was called and no connection is waiting any more.
  Task<Result<Accepted>> accept();

  // Suspends for a moment, for callers that are at their limit; close() ends it early.
  Task<void> pause();

  // Accepts what has arrived, then lets accept() end with cancelled.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return closed_; }

  // The address it is bound to, with the real port.
  [[nodiscard]] Endpoint bound() noexcept;

 private:
  asio::posix::basic_stream_descriptor<Executor> descriptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      backoff_;
  std::shared_ptr<const SocketFile> file_;
  unsigned burst_ = 0;
  bool closed_ = false;
};

// One listener a context, all on `address` (see listen_endpoints()). invalid: not an address;
// conflict: in use; forbidden: this process may not bind to it.
[[nodiscard]] Result<std::vector<std::unique_ptr<Listener>>> open_listeners(
    std::string_view network, std::string_view address,
    std::span<asio::io_context* const> contexts);

}  // namespace bunker::net
