// The owners of OpenSSL's objects that lib/net uses. Private to lib/net.
// Thread rule: OpenSSL's own: objects are shared by counting references, not by copying owners.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "lib/crypto/openssl.h"

namespace bunker::net {

using crypto::BioPtr;
using crypto::KeyPtr;
using crypto::openssl_reason;
using crypto::X509CrlPtr;
using crypto::X509Ptr;
using crypto::X509StoreContextPtr;
using crypto::X509StorePtr;

using SslContextPtr = crypto::Owned<SSL_CTX, SSL_CTX_free>;

// A reference of one's own to `certificate`.
[[nodiscard]] inline X509Ptr share(X509* certificate) noexcept {
  X509_up_ref(certificate);
  return X509Ptr(certificate);
}

}  // namespace bunker::net
