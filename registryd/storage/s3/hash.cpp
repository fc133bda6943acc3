#include "registryd/storage/s3/hash.h"

#include <new>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace bunker::storage::s3 {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// Fetched once: a look-up by name for every digest costs more than hashing a small body.
const EVP_MD* fetched_sha256() {
  static const EVP_MD* const kMd = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kMd;
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), bytes_of(out), &size, fetched_sha256(), nullptr) != 1)
    throw std::bad_alloc();
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  unsigned int size = 0;
  if (HMAC(fetched_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(bytes),
           bytes.size(), bytes_of(out), &size) == nullptr) {
    throw std::bad_alloc();
  }
  return out;
}

std::string md5(std::string_view bytes) {
  std::string out(16, '\0');
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), bytes_of(out), &size, EVP_md5(), nullptr) != 1)
    throw std::bad_alloc();
  return out;
}

struct Sha256::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  Impl() {
    if (context == nullptr || EVP_DigestInit_ex(context, fetched_sha256(), nullptr) != 1) {
      EVP_MD_CTX_free(context);
      throw std::bad_alloc();
    }
  }
  Impl(const Impl& other) {
    if (context == nullptr || EVP_MD_CTX_copy_ex(context, other.context) != 1) {
      EVP_MD_CTX_free(context);
      throw std::bad_alloc();
    }
  }
  ~Impl() { EVP_MD_CTX_free(context); }
  Impl& operator=(const Impl&) = delete;
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) != 1) throw std::bad_alloc();
}

std::string Sha256::peek() const {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  const Impl copy(*impl_);
  if (EVP_DigestFinal_ex(copy.context, bytes_of(out), nullptr) != 1) throw std::bad_alloc();
  return out;
}

}  // namespace bunker::storage::s3
