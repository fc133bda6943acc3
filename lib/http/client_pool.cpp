#include "lib/http/client_pool.h"

#include <array>

namespace bunker::http {

asio::execution_context::id ClientPool::id;

class ClientPool::Idle final : private net::Watched {
 public:
  Idle(asio::io_context& context, ClientPool& owner, Key whose,
       std::unique_ptr<net::Stream> connection, std::chrono::milliseconds time)
      : Watched(context), key(std::move(whose)), stream(std::move(connection)), pool_(owner) {
    arm(std::chrono::steady_clock::now() + time);
  }

  const Key key;
  std::unique_ptr<net::Stream> stream;

 private:
  void on_deadline() noexcept override { pool_.drop(*this); }

  ClientPool& pool_;
};

ClientPool::ClientPool(asio::execution_context& context)
    : service(context), context_(static_cast<asio::io_context&>(context)) {}

ClientPool::~ClientPool() = default;

void ClientPool::shutdown() {
  idle_.clear();
}

void ClientPool::drop(const Idle& idle) noexcept {
  const auto found = idle_.find(idle.key);
  std::erase_if(found->second, [&](const auto& entry) { return entry.get() == &idle; });
  if (found->second.empty()) idle_.erase(found);
}

std::unique_ptr<net::Stream> ClientPool::take(const Key& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  std::unique_ptr<net::Stream> stream;
  while (!found->second.empty() && stream == nullptr) {
    stream = std::move(found->second.back()->stream);
    found->second.pop_back();
    // A server that closed it, or says something unasked, has ended it.
    std::array<std::byte, 1> byte;
    const bool silent = stream->try_read(byte).status == net::Attempt::Status::want_read;
    if (!silent) stream.reset();
  }
  if (found->second.empty()) idle_.erase(found);
  return stream;
}

void ClientPool::keep(const Key& key, std::unique_ptr<net::Stream> stream, std::size_t limit,
                      std::chrono::milliseconds time) {
  auto& entries = idle_[key];
  if (entries.size() >= limit) return;
  entries.push_back(std::make_unique<Idle>(context_, *this, key, std::move(stream), time));
}

}  // namespace bunker::http
