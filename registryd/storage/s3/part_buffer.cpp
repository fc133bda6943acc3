#include "registryd/storage/s3/part_buffer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <sys/mman.h>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/sigv4.h"

namespace bunker::storage::s3 {
namespace {

class BlocksSource final : public ByteSource {
 public:
  BlocksSource(std::span<std::byte* const> blocks, std::uint64_t size)
      : blocks_(blocks), left_(size) {}

  Task<Result<std::span<const std::byte>>> read() override {
    if (left_ == 0) co_return std::span<const std::byte>();
    const std::size_t take = std::min<std::uint64_t>(left_, BlockPool::kBlock);
    const std::span<const std::byte> piece(blocks_.front(), take);
    blocks_ = blocks_.subspan(1);
    left_ -= take;
    co_return piece;
  }

 private:
  std::span<std::byte* const> blocks_;
  std::uint64_t left_;
};

}  // namespace

BlockPool::~BlockPool() {
  for (std::byte* block : free_) ::munmap(block, kBlock);
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
  void* block = ::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
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
    while (free_.size() > in_use_ + kReserve) {
      surplus[count++] = free_.back();
      free_.pop_back();
    }
  }
  for (std::byte* unused : std::span(surplus).first(count)) ::munmap(unused, kBlock);
}

std::size_t BlockPool::spare() const {
  const std::lock_guard lock(mutex_);
  return free_.size();
}

PartBuffer::PartBuffer(BlockPool& pool, bool hashed) : pool_(pool) {
  if (hashed) hash_.emplace();
}

PartBuffer::~PartBuffer() {
  for (std::byte* block : blocks_) pool_.give_back(block);
}

std::span<std::byte> PartBuffer::room(std::uint64_t most) {
  if (most == 0) return {};
  if (size_ == blocks_.size() * BlockPool::kBlock) {
    blocks_.reserve(blocks_.size() + 1);
    blocks_.push_back(pool_.take());
  }
  const std::size_t used = size_ % BlockPool::kBlock;
  return {blocks_.back() + used, std::min<std::uint64_t>(most, BlockPool::kBlock - used)};
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
  return std::make_unique<BlocksSource>(blocks_, size_);
}

}  // namespace bunker::storage::s3
