#include "lib/http/server.h"

#include <utility>

#include <asio/co_spawn.hpp>
#include <asio/post.hpp>

#include "lib/http/connection.h"
#include "lib/http/server_state.h"
#include "lib/net/listener.h"
#include "lib/net/tcp_stream.h"
#include "lib/net/tls_server.h"
#include "lib/net/tls_stream.h"
#include "lib/runtime/io_threads.h"

namespace bunker::http {
namespace {

// How long a drain waits for the connections that it has cut to let go of their frames.
constexpr auto kCutGrace = std::chrono::seconds(1);

// Owns `fd`. A TlsStream where the server has TLS.
std::unique_ptr<net::Stream> make_stream(const ServerState& state, Worker& worker, int fd) {
  if (state.options.tls != nullptr) return std::make_unique<net::TlsStream>(worker.context, fd);
  return std::make_unique<net::TcpStream>(worker.context, fd);
}

void start_connection(const std::shared_ptr<ServerState>& state, Worker& worker,
                      std::unique_ptr<net::Stream> stream, const net::Endpoint& peer) {
  auto connection =
      std::make_unique<Connection>(state, worker, std::move(stream), net::to_string(peer));
  asio::co_spawn(worker.context, Connection::run(std::move(connection)),
                 [state](const std::exception_ptr& error) {
                   if (error) state->note_failed("a connection ended with an exception");
                 });
}

// Ends idle connections whose clients are not trusted any more, so that they come back with another
// certificate instead of having a request refused.
void close_untrusted(const std::shared_ptr<ServerState>& state) {
  for (const auto& each : state->workers) {
    asio::post(each->context, [state, &worker = *each] {
      for (Connection* connection : worker.connections) connection->close_untrusted();
    });
  }
}

Task<void> accept_loop(std::shared_ptr<ServerState> state, Worker& worker,
                       std::unique_ptr<net::Listener> listener) {
  while (true) {
    const auto accepted = co_await listener->accept();
    if (!accepted) break;
    auto stream = make_stream(*state, worker, accepted->fd);
    bool entered = false;
    while (!(entered = state->enter()) && !listener->closed()) co_await listener->pause();
    if (!entered) break;  // draining: the client may try another server
    start_connection(state, worker, std::move(stream), accepted->peer);
  }
  worker.listener = nullptr;
  listener.reset();
  state->leave(state->accept_loops);
}

}  // namespace

struct Server::Impl {
  Impl(IoThreads& io, Options options, Handler handler)
      : threads(io), state(std::make_shared<ServerState>(std::move(options))) {
    state->handler = std::move(handler);
    for (std::size_t i = 0; i < threads.size(); ++i) {
      state->workers.push_back(std::make_unique<Worker>(threads.context(i)));
    }
  }

  // Runs `action` for every worker on its own thread.
  template <class Action>
  void on_workers(Action action) {
    for (const auto& worker : state->workers) {
      asio::post(worker->context, [state = state, &worker = *worker, action] { action(worker); });
    }
  }

  bool wait_until_quiet(std::chrono::milliseconds timeout) {
    std::unique_lock lock(state->mutex);
    return state->changed.wait_for(lock, timeout, [this] { return state->quiet(); });
  }

  IoThreads& threads;
  std::shared_ptr<ServerState> state;
  std::string bound;
};

Server::Server(IoThreads& threads, Options options, Handler handler)
    : impl_(std::make_unique<Impl>(threads, std::move(options), std::move(handler))) {}

Server::~Server() {
  drain(std::chrono::milliseconds(0));
}

Result<void> Server::start() {
  net::ignore_sigpipe();
  if (net::TlsServer* tls = impl_->state->options.tls; tls != nullptr) {
    tls->on_trust_change([weak = std::weak_ptr(impl_->state)] {
      if (const auto state = weak.lock(); state && !state->draining) close_untrusted(state);
    });
  }
  std::vector<asio::io_context*> contexts;
  for (const auto& worker : impl_->state->workers) contexts.push_back(&worker->context);
  const Options& options = impl_->state->options;
  BUNKER_TRY_ASSIGN(auto listeners,
                    net::open_listeners(options.network, options.address, contexts));
  impl_->bound = net::to_string(listeners.front()->bound());
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    Worker& worker = *impl_->state->workers[i];
    worker.listener = listeners[i].get();
    ++impl_->state->accept_loops;
    asio::co_spawn(worker.context, accept_loop(impl_->state, worker, std::move(listeners[i])),
                   [](const std::exception_ptr& error) {
                     if (error) std::rethrow_exception(error);
                   });
  }
  return {};
}

std::string Server::bound_address() const {
  return impl_->bound;
}

std::size_t Server::drain(std::chrono::milliseconds timeout) {
  ServerState& state = *impl_->state;
  state.draining = true;
  if (state.quiet() || impl_->threads.context(0).stopped()) return 0;
  impl_->on_workers([](Worker& worker) {
    if (worker.listener != nullptr) worker.listener->close();
    for (Connection* connection : worker.connections) connection->wind_down();
  });
  if (impl_->wait_until_quiet(timeout)) return 0;
  const std::size_t left = state.connections;
  impl_->on_workers([](Worker& worker) {
    for (Connection* connection : worker.connections) connection->cut();
  });
  impl_->wait_until_quiet(kCutGrace);
  return left;
}

}  // namespace bunker::http
