// Certificate signing requests (PKCS#10, RFC 2986): somebody's public key, and proof that they hold
// the private half. Not for what they ask to be called: whoever signs decides that, and takes only
// the key from here. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/pki/certificate.h"
#include "lib/pki/key.h"

namespace bunker::pki {

inline constexpr std::size_t kMaxRequestBytes = std::size_t{64} << 10;

struct SigningRequest {
  PublicKey key;
  DistinguishedName subject;  // as asked for
  AlternativeNames names;
};

// The first request in `pem`. invalid: none there, malformed, over kMaxRequestBytes, not signed by
// its own key, or names that no certificate can hold (control characters, no UTF-8, a malformed DNS
// name …); unsupported: as PublicKey::from_der.
[[nodiscard]] Result<SigningRequest> parse_signing_request(std::string_view pem);

// A request for `key`, PEM. invalid: names that no certificate can hold.
[[nodiscard]] Result<std::string> make_signing_request(const PrivateKey& key,
                                                       const DistinguishedName& subject,
                                                       const AlternativeNames& names);

}  // namespace bunker::pki
