#include "registryd/storage/s3/part_buffer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <sys/mman.h>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/sigv4.h"

namespace bunker::storage::s3 {

class PartBuffer::Source final : public ByteSource {
 public:
  Source(std::span<const Block> blocks, std::uint64_t size) : blocks_(blocks), left_(size) {}

  Task<Result<std::span<const std::byte>>> read() override {
    if (left_ == 0) co_return std::span<const std::byte>();
    const Block& block = blocks_.front();
    const std::size_t take = std::min<std::uint64_t>(left_, block.pool->size());
    const std::span<const std::byte> piece(block.bytes, take);
    blocks_ = blocks_.subspan(1);
    left_ -= take;
    co_return piece;
  }

 private:
  std::span<const Block> blocks_;
  std::uint64_t left_;
};

BlockPool::~BlockPool() {
  for (std::byte* block : free_) ::munmap(block, size_);
}

std::byte* BlockPool::take() {
  {
    const std::lock_guard lock(mutex_);
    // give_back() then needs no memory, which it might not get.
    free_.reserve(free_.size() + in_use_ + 1);
    ++in_use_;
    if (!free_.empty()) {
      std::byte* block = free_.back();
      free_.pop_back();
      return block;
    }
  }
  void* block = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) {
    const std::lock_guard lock(mutex_);
    --in_use_;
    throw std::bad_alloc();
  }
  return static_cast<std::byte*>(block);
}

void BlockPool::give_back(std::byte* block) noexcept {
  // Two at most: it falls by one, and one comes.
  std::array<std::byte*, 2> surplus{};
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    --in_use_;
    free_.push_back(block);
    while (free_.size() > in_use_ + reserve_) {
      surplus[count++] = free_.back();
      free_.pop_back();
    }
  }
  for (std::byte* unused : std::span(surplus).first(count)) ::munmap(unused, size_);
}

std::size_t BlockPool::spare() const {
  const std::lock_guard lock(mutex_);
  return free_.size();
}

PartBuffer::PartBuffer(Blocks& pools, bool hashed) : pools_(pools) {
  if (hashed) hash_.emplace();
}

PartBuffer::~PartBuffer() {
  for (const Block& block : blocks_) block.pool->give_back(block.bytes);
}

// No larger than what is still expected, so that the memory in use is what was paid for.
void PartBuffer::add_block() {
  BlockPool& pool = expected_ >= size_ + Blocks::kLarge ? pools_.large : pools_.small;
  blocks_.reserve(blocks_.size() + 1);
  blocks_.push_back({&pool, pool.take()});
  capacity_ += pool.size();
}

std::span<std::byte> PartBuffer::room(std::uint64_t most) {
  if (most == 0) return {};
  if (size_ == capacity_) add_block();
  const Block& last = blocks_.back();
  const std::uint64_t free = capacity_ - size_;
  return {last.bytes + (last.pool->size() - free), std::min(most, free)};
}

void PartBuffer::append(std::span<const std::byte> bytes) {
  if (hash_) hash_->update(bytes);
  while (!bytes.empty()) {
    const auto space = room(bytes.size());
    if (space.data() != bytes.data()) std::memcpy(space.data(), bytes.data(), space.size());
    size_ += space.size();
    bytes = bytes.subspan(space.size());
  }
}

std::string PartBuffer::digest() const {
  if (!hash_) return std::string(kUnsignedPayload);
  return hex_encode(hash_->peek());
}

std::unique_ptr<ByteSource> PartBuffer::source() const {
  return std::make_unique<Source>(blocks_, size_);
}

}  // namespace bunker::storage::s3
