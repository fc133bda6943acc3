// A certificate's contents as plain values. Private to lib/net, which alone sees OpenSSL. Pure.
#pragma once

#include <string>

#include <openssl/types.h>

#include "lib/net/peer_certificate.h"

namespace bunker::net {

// Whatever the certificate holds, hostile names included; nothing is verified here.
[[nodiscard]] PeerCertificate describe_certificate(const X509& certificate);

// SHA-256 of the DER, lower-case hex.
[[nodiscard]] std::string fingerprint(const X509& certificate);

}  // namespace bunker::net
