// PEM files (RFC 7468) as OpenSSL's objects. Bounded: what is parsed is at most kPemLimit bytes.
// Blocks of other kinds are skipped, so that a bundle of key and certificates serves as both.
// Private to lib/net. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/net/openssl.h"

namespace bunker::net {

inline constexpr std::size_t kPemLimit = std::size_t{16} << 20;  // a CRL of 400,000 entries

// `what` names the text in errors: "the certificate". All give invalid: no such block in the text,
// or one that is cut short or malformed.
[[nodiscard]] Result<std::vector<X509Ptr>> parse_certificates(std::string_view pem,
                                                              std::string_view what);
[[nodiscard]] Result<std::vector<X509CrlPtr>> parse_crls(std::string_view pem,
                                                         std::string_view what);
// The first private key: PKCS#8, or the older forms of RSA and EC. An encrypted one is invalid.
[[nodiscard]] Result<KeyPtr> parse_private_key(std::string_view pem, std::string_view what);

// Times that SystemTime cannot hold become its ends.
[[nodiscard]] SystemTime to_system_time(const ASN1_TIME* time);

}  // namespace bunker::net
