#include "lib/pki/ca_rotation.h"

#include <algorithm>

#include "lib/base/encoding.h"

namespace bunker::pki {
namespace {

using std::chrono::days;

SystemTime::duration life_of(const Certificate& certificate) {
  return certificate.not_after - certificate.not_before;
}

// Until here a CA waits for its successor to be known everywhere.
SystemTime last_call(const Certificate& certificate) {
  return certificate.not_after - std::min<SystemTime::duration>(life_of(certificate) / 12, days(3));
}

const Replica* behind(std::span<const Replica> replicas, std::uint64_t generation) {
  const auto at = std::ranges::find_if(
      replicas, [&](const Replica& one) { return one.generation < generation; });
  return at == replicas.end() ? nullptr : &*at;
}

std::optional<RotationStep> retire_step(const AuthoritySet& set, const CaRotationPolicy& policy,
                                        std::span<const Replica> replicas, SystemTime now) {
  for (const PreviousAuthority& one : set.previous) {
    const Certificate& ca = one.certificate;
    if (now >= ca.not_after) {
      return RotationStep{
          RotationAction::retire, ca.fingerprint, "Expired",
          "the previous CA " + ca.subject.text + " expired at " + format_rfc3339(ca.not_after),
          now};
    }
    if (replicas.empty() || behind(replicas, one.generation) != nullptr) continue;
    if (held_until(set, one, policy, now)) continue;
    return RotationStep{RotationAction::retire, ca.fingerprint, "Unused",
                        "every replica has left the previous CA " + ca.subject.text +
                            ", and no client certificate of it is in use",
                        now};
  }
  return std::nullopt;
}

RotationStep follow_step(const AuthoritySet& set, const CaRotationPolicy& policy,
                         std::span<const Replica> replicas, SystemTime now) {
  const PreparedAuthority& next = *set.next;
  const Certificate& current = set.current.certificate();
  if (now >= next.authority.certificate().not_after) {
    return {RotationAction::prepare,
            {},
            "NextExpired",
            "the prepared CA expired before it was used",
            now};
  }
  if (now < next.authority.certificate().not_before) {
    return {RotationAction::prepare,
            {},
            "NextNotYetValid",
            "the prepared CA is valid from " +
                format_rfc3339(next.authority.certificate().not_before) +
                ": the clock was wrong then, or is now",
            now};
  }
  const SystemTime distributed = next.since + policy.distribution;
  const Replica* late = behind(replicas, next.generation);
  if (now >= distributed && late == nullptr) {
    return {RotationAction::activate,
            {},
            "Distributed",
            "the next CA has been published since " + format_rfc3339(next.since),
            now};
  }
  if (now >= last_call(current)) {
    return {RotationAction::activate,
            {},
            "Forced",
            "the CA ends at " + format_rfc3339(current.not_after) +
                ": its successor signs now, though not everybody may know it yet",
            now};
  }
  if (now < distributed) {
    return {RotationAction::none,
            {},
            "Distributing",
            "the next CA signs from " + format_rfc3339(distributed) + " on",
            std::min(distributed, last_call(current))};
  }
  return {RotationAction::none,
          {},
          "AwaitingReplicas",
          "the replica " + late->name + " does not trust the next CA yet",
          last_call(current)};
}

}  // namespace

std::optional<SystemTime> held_until(const AuthoritySet& set, const PreviousAuthority& previous,
                                     const CaRotationPolicy& policy, SystemTime now) {
  std::optional<SystemTime> out;
  for (const IssuedClient& one : set.issued) {
    if (one.authority != previous.certificate.fingerprint) continue;
    SystemTime until = one.not_after;
    if (one.replaced) until = std::min(until, *one.replaced + policy.distribution);
    if (until > now) out = std::max(out.value_or(until), until);
  }
  return out;
}

SystemTime prepare_time(const AuthoritySet& set, const CaRotationPolicy& policy) {
  const Certificate& ca = set.current.certificate();
  const auto life = life_of(ca);
  const SystemTime::duration before = policy.before ? *policy.before : life / 6;
  // Never in the first half of its life: it would be rotated without end.
  return ca.not_after - std::min<SystemTime::duration>(before + policy.distribution, life / 2);
}

RotationStep next_step(const AuthoritySet& set, const CaRotationPolicy& policy,
                       std::span<const Replica> replicas, SystemTime now) {
  if (auto step = retire_step(set, policy, replicas, now)) return *step;
  RotationStep step;
  if (set.next) {
    step = follow_step(set, policy, replicas, now);
  } else if (const SystemTime due = prepare_time(set, policy); now >= due) {
    step = {RotationAction::prepare,
            {},
            "Due",
            "the CA ends at " + format_rfc3339(set.current.certificate().not_after),
            now};
  } else {
    step = {RotationAction::none,
            {},
            "NotDue",
            "the next CA is prepared at " + format_rfc3339(due),
            due};
  }
  if (step.action != RotationAction::none) return step;
  for (const PreviousAuthority& one : set.previous) {
    const SystemTime until = held_until(set, one, policy, now).value_or(one.certificate.not_after);
    step.next_look = std::min({step.next_look, until, one.certificate.not_after});
  }
  return step;
}

}  // namespace bunker::pki
