// The digests that S3's protocol asks for. Raw bytes, not hex. Pure. Private to the S3 driver: a
// blob's own digest is registryd/core's business.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bunker::storage::s3 {

[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);
[[nodiscard]] std::string md5(std::string_view bytes);

// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  // The digest of all that came so far.
  [[nodiscard]] std::string peek() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::storage::s3
