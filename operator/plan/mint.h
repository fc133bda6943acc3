// Where a plan gets what it cannot derive: random values and keys. An interface, so that plans can
// be tested to the letter. Any thread.
#pragma once

#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/pki/key.h"

namespace bunker::op {

class Mint {
 public:
  virtual ~Mint() = default;
  // A password or secret of letters and digits, beginning with a letter; 256 bits of chance.
  [[nodiscard]] virtual std::string secret() const = 0;
  [[nodiscard]] virtual Result<pki::PrivateKey> key(pki::KeyAlgorithm algorithm) const = 0;
};

// One of real keys.
[[nodiscard]] std::unique_ptr<const Mint> make_mint();

}  // namespace bunker::op
