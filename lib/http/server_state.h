// What a Server's connections share: settings, counts, and per-thread pools. Private to lib/http.
// Thread rule: Worker belongs to its thread; of ServerState only the atomics change after start.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>

#include "lib/http/buffer.h"
#include "lib/http/message.h"
#include "lib/http/server.h"
#include "lib/net/listener.h"
#include "lib/net/pipe.h"
#include "lib/runtime/semaphore.h"

namespace bunker::http {

class Connection;

// What a connection needs only while it serves a request; idle ones have none.
struct Exchange {
  Buffer in = Buffer::allocate(kHeadBuffer);
  Request request;
  std::string head;            // of the response
  std::size_t head_bytes = 0;  // its size, also when it has been sent and cleared
};

// How long a client that is still sending may take to read our last words.
inline constexpr auto kLingerSilence = std::chrono::seconds(2);
inline constexpr auto kLingerLimit = std::chrono::seconds(15);

// One I/O thread's part of a server.
class Worker {
 public:
  explicit Worker(asio::io_context& io) : context(io) {}

  asio::io_context& context;
  net::Listener* listener = nullptr;  // owned by the accept loop's frame, null once that ended
  std::vector<Connection*> connections;
  BodyBuffers body_buffers;
  net::PipePool pipes;

  [[nodiscard]] std::unique_ptr<Exchange> take_exchange();
  void give_back(std::unique_ptr<Exchange> exchange);
  // The Date field's value now.
  [[nodiscard]] const std::string& date();

 private:
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::time_t date_second_ = -1;
  std::string date_;
};

struct ServerState {
  explicit ServerState(Server::Options server_options)
      : options(std::move(server_options)), handshakes(options.limits.handshakes) {}

  const Server::Options options;
  Handler handler;
  std::vector<std::unique_ptr<Worker>> workers;

  Semaphore handshakes;  // one permit each

  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> accept_loops{0};
  std::atomic<bool> draining{false};
  std::mutex mutex;  // with `changed`: a connection or accept loop ended while draining
  std::condition_variable changed;

  [[nodiscard]] bool quiet() const noexcept { return connections == 0 && accept_loops == 0; }
  // Counts a connection in; false, and not counted, when there are as many as there may be.
  [[nodiscard]] bool enter() noexcept;
  // Takes one off `count` and tells a drain that waits.
  void leave(std::atomic<std::size_t>& count);

  [[nodiscard]] Response refuse(int status, std::string_view reason) const;
  void note_refused(std::string_view reason) const {
    if (options.observer.refused) options.observer.refused(reason);
  }
  void note_failed(std::string_view what) const {
    if (options.observer.failed) options.observer.failed(what);
  }
};

}  // namespace bunker::http
