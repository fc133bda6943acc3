// Certificates, revocation lists and keys in PEM: whatever comes in, what comes out keeps its
// promises.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/pki/bundle.h"
#include "lib/pki/crl.h"
#include "lib/pki/key.h"
#include "lib/pki/signing_request.h"
#include "tests/fuzz/require.h"

namespace {

using bunker::fuzz::require;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bunker::pki;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto bundle = parse_bundle(text)) {
    require(!bundle->empty());
    const auto again = parse_bundle(to_pem(*bundle));
    require(again.has_value() && again->size() == bundle->size());
    for (const Certificate& one : *bundle) {
      require(one.fingerprint.size() == 64 && !one.der.empty());
      require(one.subject.text.find('\n') == std::string::npos);
      (void)names_host(one, "registry.example.com");
    }
    require(merge(*bundle, *bundle).size() <= bundle->size());
  }
  if (const auto crls = parse_crls(text)) {
    const auto again = parse_crls(to_pem(*crls));
    require(again.has_value() && again->size() == crls->size());
    for (const Crl& crl : *crls) {
      for (const Revocation& one : crl.revoked) require(crl.revokes(one.serial));
    }
  }
  if (const auto request = parse_signing_request(text)) {
    for (const char c : request->subject.common_name) require(static_cast<unsigned char>(c) >= 32);
  }
  if (const auto key = PrivateKey::from_pem(text)) require(!key->public_key().der().empty());
  return 0;
}
