// Cipher suites of TLS 1.2: from the names of IANA's registry, as Go and the registry's
// configuration have them, to OpenSSL's. Private to lib/net. Pure.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace bunker::net {

// The list for SSL_CTX_set_cipher_list(), in the order of `names`; those of TLS 1.3 are skipped, so
// it is empty where there are no others. No names: the strong suites, which are authenticated
// encryption with forward secrecy. invalid: a name that is not known.
[[nodiscard]] Result<std::string> openssl_cipher_list(const std::vector<std::string>& names);

}  // namespace bunker::net
