#include "lib/http/buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bunker::http {
namespace {

// How much a thread keeps for its next bodies; the rest goes back to the allocator.
constexpr std::size_t kSpareBuffers = 4;

}  // namespace

Buffer Buffer::allocate(std::size_t size) {
  Buffer buffer;
  buffer.data = std::make_unique_for_overwrite<std::byte[]>(size);
  buffer.capacity = size;
  return buffer;
}

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

Buffer BodyBuffers::take() {
  if (spare_.empty()) return Buffer::allocate(kBodyBuffer);
  Buffer buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void BodyBuffers::give_back(Buffer buffer) {
  if (spare_.size() >= kSpareBuffers) return;
  buffer.begin = buffer.end = 0;
  spare_.push_back(std::move(buffer));
}

}  // namespace bunker::http
