// Bytes received and not used yet, and a pool of the large buffers that bodies are read with.
// Private to lib/http. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace bunker::http {

inline constexpr std::size_t kHeadBuffer = 16 * 1024;
inline constexpr std::size_t kBodyBuffer = 256 * 1024;

// [begin, end) of an uninitialized allocation.
struct Buffer {
  std::unique_ptr<std::byte[]> data;
  std::size_t capacity = 0;
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] static Buffer allocate(std::size_t size);
  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
  [[nodiscard]] bool empty() const noexcept { return begin == end; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {data.get() + begin, size()};
  }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data.get() + begin), size()};
  }
  // Room for more bytes behind end. Full: first moves what there is to the front, then doubles.
  [[nodiscard]] std::span<std::byte> room();
  void append(std::span<const std::byte> bytes);
};

// Buffers of kBodyBuffer bytes, a few of which are kept for the next body.
class BodyBuffers {
 public:
  [[nodiscard]] Buffer take();
  void give_back(Buffer buffer);

 private:
  std::vector<Buffer> spare_;
};

}  // namespace bunker::http
