#include "lib/http/server_state.h"

#include <chrono>
#include <utility>

#include "lib/http/serializer.h"

namespace bunker::http {
namespace {

// How much a thread keeps for its next requests; the rest goes back to the allocator.
constexpr std::size_t kSpareExchanges = 64;

}  // namespace

std::unique_ptr<Exchange> Worker::take_exchange() {
  if (exchanges_.empty()) return std::make_unique<Exchange>();
  auto exchange = std::move(exchanges_.back());
  exchanges_.pop_back();
  return exchange;
}

void Worker::give_back(std::unique_ptr<Exchange> exchange) {
  if (exchanges_.size() >= kSpareExchanges || exchange->in.capacity != kHeadBuffer) return;
  exchange->in.begin = exchange->in.end = 0;
  exchanges_.push_back(std::move(exchange));
}

const std::string& Worker::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    date_ = format_http_date(std::chrono::system_clock::from_time_t(now));
  }
  return date_;
}

bool ServerState::enter() noexcept {
  if (connections.fetch_add(1) < options.limits.connections) return true;
  connections.fetch_sub(1);
  return false;
}

void ServerState::leave(std::atomic<std::size_t>& count) {
  count.fetch_sub(1);
  if (!draining) return;
  const std::lock_guard lock(mutex);
  changed.notify_all();
}

Response ServerState::refuse(int status, std::string_view reason) const {
  if (options.refuse) return options.refuse(status, reason);
  Response response(status);
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = Body(std::string(reason) + "\n");
  return response;
}

}  // namespace bunker::http
