// A token service for tests: makes keys and certificates and signs tokens with OpenSSL, by the
// document, so that what checks them is not checked against itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

namespace bunker::auth::testing {

using nlohmann::json;

// "RSA", "P-256", "P-384", "P-521" or "ED25519".
[[nodiscard]] std::shared_ptr<EVP_PKEY> make_key(std::string_view type);

// The public half as a JSON Web Key, without "kid".
[[nodiscard]] json jwk_of(EVP_PKEY* key);

// A certificate of `key` signed by `issuer_key` (null: by itself), in PEM. `is_ca`: it may sign.
[[nodiscard]] std::string make_certificate(EVP_PKEY* key, const std::string& name,
                                           EVP_PKEY* issuer_key, const std::string& issuer_name,
                                           bool is_ca);
// PEM's base64 as x5c has it.
[[nodiscard]] std::string x5c_entry(const std::string& pem);

// RFC 7515: the two documents and their signature by `algorithm` ("RS256", …).
[[nodiscard]] std::string sign(const std::string& header, const std::string& claims, EVP_PKEY* key,
                               std::string_view algorithm);

}  // namespace bunker::auth::testing
