// OpenSSL's times, numbers and errors as ours, and the owners of its objects that lib/pki uses.
// Internal to lib/pki: what includes this stays in a .cpp file. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/crypto/openssl.h"

namespace bunker::pki {

using crypto::BignumPtr;
using crypto::BioPtr;
using crypto::contents;
using crypto::KeyContextPtr;
using crypto::KeyPtr;
using crypto::openssl_reason;
using crypto::Owned;
using crypto::reader_of;
using crypto::X509CrlPtr;
using crypto::X509Ptr;

using IntegerPtr = Owned<ASN1_INTEGER, ASN1_INTEGER_free>;
using NamePtr = Owned<X509_NAME, X509_NAME_free>;
using TimePtr = Owned<ASN1_TIME, ASN1_TIME_free>;

// An error of OpenSSL where only memory or a bug can be the cause.
[[nodiscard]] std::unexpected<Error> openssl_failed(std::string what);

// Whole seconds since 1970, rounded down.
[[nodiscard]] time_t to_seconds(SystemTime time) noexcept;

// Times that SystemTime cannot hold (year 9999: "never expires") become its first or last second.
[[nodiscard]] Result<SystemTime> to_time(const ASN1_TIME* time);

// The digest that a signature by `key` is over; null for keys that bring their own (Ed25519).
[[nodiscard]] const EVP_MD* digest_for(EVP_PKEY* key);

// Lower case hexadecimal, two digits a byte; null: "". An ASN1_INTEGER is such a string, too.
[[nodiscard]] std::string hex_of(const ASN1_STRING* bytes);
[[nodiscard]] IntegerPtr integer_of(std::string_view hex);  // null: not hexadecimal

}  // namespace bunker::pki
