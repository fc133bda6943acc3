// Who gets certificates and authorities handed over beside the folders: the SDS server, behind an
// interface that knows no gRPC. Thread-safe.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "lib/pki/secret_text.h"

namespace bunker::certsidecar {

// A certificate with its key, PEM.
struct DeliveredPair {
  std::string chain;
  pki::SecretText key;
};

// Whom to trust, PEM.
struct DeliveredTrust {
  std::string bundle;
  std::string crl;  // "": none
};

struct Delivered {
  std::string name;
  std::string version;  // changes with the content, and only then
  std::variant<DeliveredPair, DeliveredTrust> content;
};

class Delivery {
 public:
  virtual ~Delivery() = default;

  // All that there is; what is not in it is gone. Subscribers are told what changed for them.
  virtual void publish(std::vector<Delivered> all) = 0;

  // Whether every subscriber took what was published last.
  [[nodiscard]] virtual bool settled() const = 0;
};

}  // namespace bunker::certsidecar
