#include "lib/pki/openssl.h"

#include <algorithm>

#include "lib/base/encoding.h"

namespace bunker::pki {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

std::string hex_of_bytes(const unsigned char* bytes, int size) {
  return hex_encode({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
}

}  // namespace

std::unexpected<Error> openssl_failed(std::string what) {
  return fail(Code::internal, "OpenSSL cannot " + std::move(what) + ": " + openssl_reason());
}

time_t to_seconds(SystemTime time) noexcept {
  return floor<seconds>(time.time_since_epoch()).count();
}

Result<SystemTime> to_time(const ASN1_TIME* time) {
  tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    return fail(Code::invalid, "a date in it is malformed");
  }
  const auto least = std::chrono::ceil<seconds>(SystemTime::min().time_since_epoch());
  const auto most = floor<seconds>(SystemTime::max().time_since_epoch());
  return SystemTime(std::clamp(seconds(timegm(&parts)), least, most));
}

const EVP_MD* digest_for(EVP_PKEY* key) {
  const int type = EVP_PKEY_get_base_id(key);
  if (type == EVP_PKEY_ED25519) return nullptr;
  return type == EVP_PKEY_EC && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384() : EVP_sha256();
}

std::string hex_of(const ASN1_STRING* bytes) {
  if (bytes == nullptr) return {};
  return hex_of_bytes(ASN1_STRING_get0_data(bytes), ASN1_STRING_length(bytes));
}

IntegerPtr integer_of(std::string_view hex) {
  BIGNUM* number = nullptr;
  const std::string text(hex);
  if (!hex_decode(hex.size() % 2 == 0 ? text : "0" + text)) return nullptr;
  if (hex.empty() || BN_hex2bn(&number, text.c_str()) == 0) return nullptr;
  const BignumPtr owner(number);
  return IntegerPtr(BN_to_ASN1_INTEGER(number, nullptr));
}

}  // namespace bunker::pki
