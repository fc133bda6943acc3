// When a leaf certificate must be made anew, and when the next time to look is. A chain of pure
// predicates: each names a reason, which becomes a log line and a metric label. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/pki/certificate.h"
#include "lib/pki/issue.h"
#include "lib/pki/key.h"

namespace bunker::pki {

struct RotationPolicy {
  // The part of its life after which a certificate is renewed, in (0, 1).
  double renew_at = 2.0 / 3;
  // Renewals lie up to this part of the life earlier, so that a fleet does not renew at once.
  double jitter = 1.0 / 20;
};

// What is there now. Null pointers: nothing.
struct LeafState {
  const Certificate* certificate = nullptr;
  const PrivateKey* key = nullptr;
};

// What should be there.
struct LeafTarget {
  LeafRequest request;
  KeyAlgorithm algorithm = KeyAlgorithm::ecdsa_p256;
  const Certificate* issuer = nullptr;  // that signs now; null: the authority is out of reach
};

struct RenewalReason {
  // "Missing", "KeyMismatch", "IssuerChanged", "AlgorithmChanged", "NamesChanged", "UsageChanged",
  // "LifetimeChanged", "NotYetValid", "Expired", "RenewalDue".
  std::string_view reason;
  std::string message;  // for a person
};

// When `certificate` is to be renewed: the same each time it is asked for one certificate, spread
// over certificates by their fingerprints.
[[nodiscard]] SystemTime renewal_time(const Certificate& certificate, const RotationPolicy& policy);

// Why a new certificate is needed now; nullopt: it is not. Without an issuer the certificate is
// judged by itself alone.
[[nodiscard]] std::optional<RenewalReason> renewal_reason(const LeafState& state,
                                                          const LeafTarget& target,
                                                          const RotationPolicy& policy,
                                                          SystemTime now);

}  // namespace bunker::pki
