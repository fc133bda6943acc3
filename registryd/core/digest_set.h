// Many digests in little memory: 65 bytes each, sorted. Filled, then sealed, then asked. Not
// thread-safe while it is filled; asked from any thread once sealed.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "registryd/core/digest.h"

namespace bunker::registry {

// A digest without its text.
struct PackedDigest {
  std::uint8_t algorithm = 0;
  std::array<std::uint8_t, 64> bytes{};  // zero behind those of a shorter digest

  PackedDigest() = default;
  explicit PackedDigest(const Digest& digest);
  [[nodiscard]] Digest unpack() const;
  friend auto operator<=>(const PackedDigest&, const PackedDigest&) = default;
};

class DigestSet {
 public:
  void add(const Digest& digest) { add(PackedDigest(digest)); }
  void add(const PackedDigest& digest);
  // Sorts, and drops what is there twice. Needed before contains(); idempotent.
  void seal();
  [[nodiscard]] bool contains(const Digest& digest) const { return contains(PackedDigest(digest)); }
  [[nodiscard]] bool contains(const PackedDigest& digest) const;
  [[nodiscard]] std::size_t size() const noexcept { return digests_.size(); }
  [[nodiscard]] bool empty() const noexcept { return digests_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return digests_.begin(); }
  [[nodiscard]] auto end() const noexcept { return digests_.end(); }

 private:
  std::vector<PackedDigest> digests_;
  std::size_t next_seal_ = 1u << 16;  // duplicates are dropped now and then, to save memory
};

}  // namespace bunker::registry
