// The idle connections of one io_context's clients. Private to lib/http.
// Thread rule: the io_context's thread. Owner: the io_context (an Asio service).
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>

#include "lib/http/buffer.h"
#include "lib/net/dialer.h"
#include "lib/net/stream.h"
#include "lib/net/watchdog.h"

namespace bunker::http {

class ClientPool final : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;
  // Whose connection, and to where.
  using Key = std::pair<std::shared_ptr<const void>, net::Destination>;

  explicit ClientPool(asio::execution_context& context);
  ~ClientPool() override;

  // A connection that nothing speaks against; null when there is none.
  [[nodiscard]] std::unique_ptr<net::Stream> take(const Key& key);
  // Keeps `stream` for `time`, unless there are `limit` of its kind already.
  void keep(const Key& key, std::unique_ptr<net::Stream> stream, std::size_t limit,
            std::chrono::milliseconds time);

  BodyBuffers buffers;

 private:
  class Idle;

  void shutdown() override;
  void drop(const Idle& idle) noexcept;

  asio::io_context& context_;
  std::map<Key, std::vector<std::unique_ptr<Idle>>> idle_;
};

}  // namespace bunker::http
