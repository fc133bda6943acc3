// Content digests (OCI image-spec, descriptor.md#digests): sha256 and sha512. Values; no I/O.
// A Hasher is used by one thread at a time.
#pragma once

#include <compare>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace bunker::registry {

enum class Algorithm { sha256, sha512 };

[[nodiscard]] std::string_view to_string(Algorithm algorithm) noexcept;
[[nodiscard]] std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept;

class Digest {
 public:
  // "sha256:<64 lower-case hex>" or "sha512:<128>". invalid / DIGEST_INVALID otherwise;
  // unsupported / DIGEST_INVALID for a well-formed digest of another algorithm.
  [[nodiscard]] static Result<Digest> parse(std::string_view text);
  // The digest of `bytes`.
  [[nodiscard]] static Digest of(Algorithm algorithm, std::string_view bytes);

  [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }  // "sha256:…"
  [[nodiscard]] std::string_view hex() const noexcept;

  friend auto operator<=>(const Digest& a, const Digest& b) { return a.text_ <=> b.text_; }
  friend bool operator==(const Digest& a, const Digest& b) { return a.text_ == b.text_; }

 private:
  friend class Hasher;
  Digest(Algorithm algorithm, std::string text) : algorithm_(algorithm), text_(std::move(text)) {}
  Algorithm algorithm_;
  std::string text_;
};

// Hashes a stream, and can be frozen in the middle so that any replica goes on with it.
class Hasher {
 public:
  explicit Hasher(Algorithm algorithm);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  [[nodiscard]] Algorithm algorithm() const noexcept;
  void update(std::span<const std::byte> bytes);
  // The digest of all bytes so far; the hasher can go on.
  [[nodiscard]] Digest digest() const;
  // The state after the bytes so far: under 300 bytes, the same format on every replica (and in
  // distribution's `hashstates`, since it is what Go's hashes marshal to).
  [[nodiscard]] std::string freeze() const;
  // invalid when `state` is not what freeze() returned for `algorithm`.
  [[nodiscard]] static Result<Hasher> thaw(Algorithm algorithm, std::string_view state);

 private:
  struct Impl;
  explicit Hasher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::registry

template <>
struct std::hash<bunker::registry::Digest> {
  std::size_t operator()(const bunker::registry::Digest& digest) const noexcept {
    return std::hash<std::string>()(digest.str());
  }
};
