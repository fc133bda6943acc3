#include "registryd/auth/credential_cache.h"

#include <cstdint>
#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/params.h>

#include "lib/base/random.h"

namespace bunker::auth {
namespace {

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

// A part and its length, so that ("ab", "c") and ("a", "bc") differ.
bool update(EVP_MAC_CTX* context, std::string_view part) {
  const std::uint64_t length = part.size();
  return EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(&length), sizeof length) &&
         EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(part.data()), part.size());
}

}  // namespace

// The keyed state that every HMAC starts from; looking up algorithms takes longer than hashing.
struct CredentialCache::Hmac {
  Hmac() {
    const std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    keyed.reset(EVP_MAC_CTX_new(mac.get()));
    const std::string secret = random_bytes(32);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                 OSSL_PARAM_construct_end()};
    if (!keyed || !EVP_MAC_init(keyed.get(), reinterpret_cast<const unsigned char*>(secret.data()),
                                secret.size(), params)) {
      throw std::runtime_error("OpenSSL has no HMAC-SHA256");
    }
  }
  MacContext keyed;
};

CredentialCache::CredentialCache(std::chrono::seconds lifetime, std::size_t capacity)
    : hmac_(std::make_unique<Hmac>()), known_(lifetime, capacity) {}

CredentialCache::~CredentialCache() = default;

CredentialCache::Key CredentialCache::key(std::string_view user, std::string_view password,
                                          std::string_view hash) const {
  Key out{};
  std::size_t size = 0;
  const MacContext context(EVP_MAC_CTX_dup(hmac_->keyed.get()));
  if (!context || !update(context.get(), user) || !update(context.get(), password) ||
      !update(context.get(), hash) ||
      !EVP_MAC_final(context.get(), out.data(), &size, out.size()) || size != out.size()) {
    throw std::runtime_error("OpenSSL failed to compute an HMAC");
  }
  return out;
}

bool CredentialCache::contains(const Key& key, SteadyTime now) {
  return known_.find(key, now).has_value();
}

void CredentialCache::insert(const Key& key, SteadyTime now) {
  known_.insert(key, {}, now);
}

}  // namespace bunker::auth
