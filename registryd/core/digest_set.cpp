#include "registryd/core/digest_set.h"

#include <algorithm>
#include <string>

namespace bunker::registry {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

std::uint8_t value_of(char digit) {
  return static_cast<std::uint8_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

}  // namespace

PackedDigest::PackedDigest(const Digest& digest)
    : algorithm(static_cast<std::uint8_t>(digest.algorithm())) {
  const std::string_view hex = digest.hex();
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.at(i / 2) = static_cast<std::uint8_t>((value_of(hex[i]) << 4u) | value_of(hex[i + 1]));
  }
}

Digest PackedDigest::unpack() const {
  const auto kind = static_cast<Algorithm>(algorithm);
  std::string text(to_string(kind));
  text += ':';
  const std::size_t size = kind == Algorithm::sha256 ? 32 : 64;
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes.at(i) >> 4u];
    text += kDigits[bytes.at(i) & 15u];
  }
  return *Digest::parse(text);
}

void DigestSet::add(const PackedDigest& digest) {
  digests_.push_back(digest);
  if (digests_.size() < next_seal_) return;
  seal();
  next_seal_ = std::max(next_seal_, 2 * digests_.size());
}

void DigestSet::seal() {
  std::ranges::sort(digests_);
  const auto repeated = std::ranges::unique(digests_);
  digests_.erase(repeated.begin(), repeated.end());
}

bool DigestSet::contains(const PackedDigest& digest) const {
  return std::ranges::binary_search(digests_, digest);
}

}  // namespace bunker::registry
