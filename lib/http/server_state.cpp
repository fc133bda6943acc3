#include "lib/http/server_state.h"

#include <algorithm>
#include <cstring>

#include "lib/http/serializer.h"

namespace bunker::http {
namespace {

// How much a thread keeps for its next requests; the rest goes back to the allocator.
constexpr std::size_t kSpareExchanges = 64;
constexpr std::size_t kSpareBodyBuffers = 4;

}  // namespace

std::span<std::byte> Buffer::room() {
  if (begin == end) begin = end = 0;
  if (end == capacity) {
    if (begin > 0) {
      std::memmove(data.get(), data.get() + begin, size());
    } else {
      Buffer larger = allocate(capacity * 2);
      std::memcpy(larger.data.get(), data.get(), size());
      data = std::move(larger.data);
      capacity = larger.capacity;
    }
    end -= begin;
    begin = 0;
  }
  return {data.get() + end, capacity - end};
}

void Buffer::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto space = room();
    const std::size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    end += count;
    bytes = bytes.subspan(count);
  }
}

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

Buffer Worker::take_body_buffer() {
  if (body_buffers_.empty()) return Buffer::allocate(kBodyBuffer);
  Buffer buffer = std::move(body_buffers_.back());
  body_buffers_.pop_back();
  return buffer;
}

void Worker::give_back(Buffer buffer) {
  if (body_buffers_.size() >= kSpareBodyBuffers) return;
  buffer.begin = buffer.end = 0;
  body_buffers_.push_back(std::move(buffer));
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
