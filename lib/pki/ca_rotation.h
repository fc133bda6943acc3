// What the next step of a CA's rotation is: prepare a successor, let it sign, retire the old one.
// A pure function of what is there and the time; carrying a step out is authority_set.h's. Any
// thread.
//
// Promises, where hosts fetch bundle.crt at least once every `distribution`:
//   - no leaf that such a host is shown is of a CA that it does not know, unless the old CA was
//     about to expire first (then the step's reason is "Forced");
//   - a CA is trusted as long as a certificate of it may be shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/pki/authority_set.h"

namespace bunker::pki {

struct CaRotationPolicy {
  // The next CA signs when so much is left of the current one; nullopt: a sixth of its life.
  std::optional<std::chrono::seconds> before;
  // How long hosts have to fetch the next CA before a certificate of it is shown to them.
  std::chrono::seconds distribution = std::chrono::days(7);
};

// A replica that serves certificates of the set, and the generation that it runs: its leaf is of
// that generation's signer, and what it trusts is that generation's.
struct Replica {
  std::string name;
  std::uint64_t generation = 0;
};

enum class RotationAction { none, prepare, activate, retire };

struct RotationStep {
  RotationAction action = RotationAction::none;
  std::string fingerprint;  // of the CA to retire
  // Why: "Due", "NextExpired", "NextNotYetValid", "Distributed", "Forced", "Unused", "Expired"; or
  // why not yet: "NotDue", "Distributing", "AwaitingReplicas".
  std::string_view reason;
  std::string message;   // for a person
  SystemTime next_look;  // when time alone may bring the next step
};

// `replicas`: all that there are, the caller's own among them. Nothing is retired while that list
// is empty, except what has expired.
[[nodiscard]] RotationStep next_step(const AuthoritySet& set, const CaRotationPolicy& policy,
                                     std::span<const Replica> replicas, SystemTime now);

// What still needs the previous CA: the latest expiry among the client certificates that hold it
// in place; nullopt: none does.
[[nodiscard]] std::optional<SystemTime> held_until(const AuthoritySet& set,
                                                   const PreviousAuthority& previous,
                                                   const CaRotationPolicy& policy, SystemTime now);

// When the current CA's successor should be prepared.
[[nodiscard]] SystemTime prepare_time(const AuthoritySet& set, const CaRotationPolicy& policy);

}  // namespace bunker::pki
