// The bytes of one part of an upload while they are collected and sent: blocks of memory taken from
// Blocks as they are needed, hashed as they come where the part's digest must be signed.
// Thread rule: filled by one coroutine; read by any number once it is whole. The pools outlive
// their buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/runtime/body.h"
#include "registryd/storage/s3/hash.h"

namespace bunker::storage::s3 {

// Memory in blocks of one size, straight from the kernel. While some are in use, as many are kept,
// since fresh ones cost the kernel as much as filling them; the others leave the process at once.
// Thread-safe.
class BlockPool {
 public:
  // Of blocks of `size` bytes, of which `reserve` are kept at least.
  BlockPool(std::size_t size, std::size_t reserve) noexcept : size_(size), reserve_(reserve) {}
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  [[nodiscard]] std::byte* take();
  void give_back(std::byte* block) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Blocks that are given back and kept.
  [[nodiscard]] std::size_t spare() const;

 private:
  const std::size_t size_;
  const std::size_t reserve_;
  mutable std::mutex mutex_;
  std::vector<std::byte*> free_;
  std::size_t in_use_ = 0;
};

// Large ones are filled and sent with fewer calls; small ones waste less on what is small.
struct Blocks {
  static constexpr std::size_t kSmall = std::size_t{256} * 1024;
  static constexpr std::size_t kLarge = std::size_t{1} << 20;

  BlockPool small{kSmall, 16};
  BlockPool large{kLarge, 2};
};

class PartBuffer {
 public:
  // With `hashed`, digest() will be that of the bytes.
  PartBuffer(Blocks& pools, bool hashed);
  ~PartBuffer();
  PartBuffer(const PartBuffer&) = delete;
  PartBuffer& operator=(const PartBuffer&) = delete;

  // A hint: size() may come to that, and it is paid for.
  void expect(std::uint64_t size) noexcept { expected_ = size; }

  // Where append() will put the next bytes, `most` of them at most: a caller that puts them there
  // itself spares it the copy. Not empty, unless `most` is 0.
  [[nodiscard]] std::span<std::byte> room(std::uint64_t most);
  void append(std::span<const std::byte> bytes);
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  // What "x-amz-content-sha256" has to be: hex, or UNSIGNED-PAYLOAD.
  [[nodiscard]] std::string digest() const;

  // The bytes, read from the start. The buffer outlives the source.
  [[nodiscard]] std::unique_ptr<ByteSource> source() const;

 private:
  struct Block {
    BlockPool* pool;
    std::byte* bytes;
  };
  class Source;

  void add_block();

  Blocks& pools_;
  std::vector<Block> blocks_;
  std::uint64_t size_ = 0;
  std::uint64_t capacity_ = 0;  // of all blocks
  std::uint64_t expected_ = 0;
  std::optional<Sha256> hash_;
};

}  // namespace bunker::storage::s3
