#include "operator/plan/mint.h"

#include "lib/base/encoding.h"
#include "lib/base/random.h"

namespace bunker::op {
namespace {

constexpr std::size_t kSecretBytes = 32;

class RealMint final : public Mint {
 public:
  std::string secret() const override { return "s" + hex_encode(random_bytes(kSecretBytes)); }
  Result<pki::PrivateKey> key(pki::KeyAlgorithm algorithm) const override {
    return pki::PrivateKey::generate(algorithm);
  }
};

}  // namespace

std::unique_ptr<const Mint> make_mint() {
  return std::make_unique<RealMint>();
}

}  // namespace bunker::op
