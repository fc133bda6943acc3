#include "lib/crypto/openssl.h"

#include <algorithm>
#include <limits>

#include <openssl/err.h>

namespace bunker::crypto {

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

BioPtr reader_of(std::string_view bytes) {
  const auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(std::min(bytes.size(), most))));
}

std::string_view contents(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

}  // namespace bunker::crypto
