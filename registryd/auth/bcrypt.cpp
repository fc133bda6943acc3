#include "registryd/auth/bcrypt.h"

#include <algorithm>
#include <memory>

#include <crypt.h>
#include <openssl/crypto.h>

#include "lib/base/random.h"

namespace bunker::auth {
namespace {

constexpr std::string_view kAlphabet =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t kPrefix = 7;  // "$2y$10$"
constexpr std::size_t kSalt = 22;
constexpr std::size_t kDigest = 31;

}  // namespace

int bcrypt_cost(std::string_view hash) noexcept {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (hash.size() != kPrefix + kSalt + kDigest || !hash.starts_with("$2") || hash[3] != '$' ||
      hash[6] != '$' || (hash[2] != 'a' && hash[2] != 'b' && hash[2] != 'y') || !digit(hash[4]) ||
      !digit(hash[5]) || hash.find_first_not_of(kAlphabet, kPrefix) != std::string_view::npos) {
    return 0;
  }
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  return cost >= 4 && cost <= 31 ? cost : 0;
}

std::string bcrypt_decoy(int cost) {
  std::string hash = "$2y$";
  hash += static_cast<char>('0' + cost / 10);
  hash += static_cast<char>('0' + cost % 10);
  hash += '$';
  for (const char byte : random_bytes(kSalt - 1)) {
    hash += kAlphabet[static_cast<unsigned char>(byte) % kAlphabet.size()];
  }
  hash += '.';  // a salt's last character holds two bits only
  // Not a digest of anything: chosen at random, it matches with a probability of 2^-184.
  for (const char byte : random_bytes(kDigest)) {
    hash += kAlphabet[static_cast<unsigned char>(byte) % kAlphabet.size()];
  }
  return hash;
}

bool bcrypt_matches(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  const char* computed = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  const bool matches = computed != nullptr && hash.size() == std::string_view(computed).size() &&
                       CRYPTO_memcmp(computed, hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(data.get(), sizeof *data);
  return matches;
}

}  // namespace bunker::auth
