// Tokens and the keys they are checked with: whatever comes in, nothing is believed by itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "registryd/auth/jwt.h"
#include "registryd/auth/token_keys.h"
#include "tests/fuzz/require.h"

namespace {

using bunker::auth::TokenKeys;

using bunker::fuzz::require;

// An Ed25519 key whose private half nobody has kept (RFC 8037, appendix A.2).
const TokenKeys& keys() {
  static const TokenKeys kKeys(
      {}, *bunker::auth::parse_key_set(R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1",)"
                                       R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})"));
  return kKeys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto jwt = bunker::auth::parse_jwt(text)) {
    require(size <= bunker::auth::kMaxTokenBytes);
    require(text.starts_with(jwt->signed_text));
    const auto key = keys().find(*jwt);
    require(!key || key->thumbprint() == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    if (jwt->key) {
      static_cast<void>(jwt->key->verifies(jwt->algorithm, jwt->signed_text, jwt->signature));
    }
  }
  if (const auto set = bunker::auth::parse_key_set(text)) {
    require(!set->keys.empty());
    for (const auto& entry : set->keys) {
      require(entry.key.thumbprint().size() == 43 && entry.key.fingerprint().size() == 59);
    }
  }
  if (const auto bundle = bunker::auth::parse_certificates(text)) require(!bundle->keys.empty());
  return 0;
}
