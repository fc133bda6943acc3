#include "lib/pki/rotation_policy.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include <arpa/inet.h>

#include "lib/base/encoding.h"
#include "lib/pki/verify.h"

namespace bunker::pki {
namespace {

using std::chrono::seconds;

struct Question {
  const LeafState& state;
  const LeafTarget& target;
  const RotationPolicy& policy;
  SystemTime now;
};

using Answer = std::optional<RenewalReason>;

// In [0, 1), from the first 32 bits of the fingerprint.
double fraction_of(const std::string& fingerprint) {
  const std::string head = fingerprint.substr(0, 8);
  return static_cast<double>(std::strtoul(head.c_str(), nullptr, 16)) / 4294967296.0;
}

Answer missing(const Question& q) {
  if (q.state.certificate != nullptr && q.state.key != nullptr) return std::nullopt;
  return RenewalReason{"Missing", "there is no certificate yet"};
}

Answer key_mismatch(const Question& q) {
  if (fits(*q.state.key, *q.state.certificate)) return std::nullopt;
  return RenewalReason{"KeyMismatch", "the private key is not the certificate's"};
}

Answer issuer_changed(const Question& q) {
  if (q.target.issuer == nullptr) return std::nullopt;
  const Certificate& leaf = *q.state.certificate;
  // The signature alone: dates are judged below, and an expired authority signs nothing anyway.
  const Trust trust{.roots = {q.target.issuer, 1}};
  const SystemTime shared = std::max(leaf.not_before, q.target.issuer->not_before);
  if (verify(leaf, trust, Purpose::any, shared)) return std::nullopt;
  return RenewalReason{"IssuerChanged", "the certificate is not of the authority that signs now, " +
                                            q.target.issuer->subject.text};
}

Answer algorithm_changed(const Question& q) {
  if (q.state.certificate->algorithm == q.target.algorithm) return std::nullopt;
  return RenewalReason{"AlgorithmChanged",
                       "the key is not " + std::string(to_string(q.target.algorithm))};
}

template <class T>
bool same_set(std::vector<T> a, std::vector<T> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  return a == b;
}

// "::1" and "0:0:0:0:0:0:0:1" are one.
std::vector<std::string> canonical_ips(std::vector<std::string> ips) {
  for (std::string& ip : ips) {
    std::array<unsigned char, 16> bytes{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    for (const int family : {AF_INET, AF_INET6}) {
      if (inet_pton(family, ip.c_str(), bytes.data()) != 1) continue;
      ip = inet_ntop(family, bytes.data(), text.data(), text.size());
    }
  }
  return ips;
}

Answer names_changed(const Question& q) {
  const Certificate& leaf = *q.state.certificate;
  const LeafRequest& wanted = q.target.request;
  const bool same =
      same_set(leaf.names.dns, wanted.names.dns) &&
      same_set(canonical_ips(leaf.names.ips), canonical_ips(wanted.names.ips)) &&
      same_set(leaf.names.uris, wanted.names.uris) &&
      same_set(leaf.names.emails, wanted.names.emails) &&
      leaf.subject.common_name == wanted.subject.common_name &&
      same_set(leaf.subject.organizations, wanted.subject.organizations) &&
      same_set(leaf.subject.organizational_units, wanted.subject.organizational_units);
  if (same) return std::nullopt;
  return RenewalReason{"NamesChanged", "the names in the certificate are not those wanted"};
}

Answer usage_changed(const Question& q) {
  if (q.state.certificate->for_servers == q.target.request.for_servers &&
      q.state.certificate->for_clients == q.target.request.for_clients) {
    return std::nullopt;
  }
  return RenewalReason{"UsageChanged", "the certificate is not for what is wanted"};
}

// A shorter life than it was issued for is a change of policy. A longer one comes with the next
// renewal: the certificate may be short because its authority ends soon.
Answer lifetime_changed(const Question& q) {
  const auto life = q.state.certificate->not_after - q.state.certificate->not_before;
  const auto wanted = q.target.request.lifetime + q.target.request.backdate;
  if (life <= wanted + seconds(1)) return std::nullopt;
  return RenewalReason{"LifetimeChanged", "the certificate lives longer than is wanted"};
}

Answer not_yet_valid(const Question& q) {
  if (q.now >= q.state.certificate->not_before) return std::nullopt;
  return RenewalReason{"NotYetValid", "the certificate is valid from " +
                                          format_rfc3339(q.state.certificate->not_before) +
                                          ", and it is " + format_rfc3339(q.now)};
}

Answer expired(const Question& q) {
  if (q.now < q.state.certificate->not_after) return std::nullopt;
  return RenewalReason{"Expired", "the certificate expired at " +
                                      format_rfc3339(q.state.certificate->not_after) +
                                      ", and it is " + format_rfc3339(q.now)};
}

Answer renewal_due(const Question& q) {
  const SystemTime due = renewal_time(*q.state.certificate, q.policy);
  if (q.now < due) return std::nullopt;
  // One that ends with its authority cannot be made to last longer by making it anew.
  if (q.target.issuer != nullptr && q.state.certificate->not_after == q.target.issuer->not_after) {
    return std::nullopt;
  }
  return RenewalReason{"RenewalDue", "renewal was due at " + format_rfc3339(due)};
}

// Reads as the specification: what must hold, in this order.
constexpr std::array<Answer (*)(const Question&), 10> kPredicates = {
    missing,       key_mismatch,     issuer_changed, algorithm_changed, names_changed,
    usage_changed, lifetime_changed, not_yet_valid,  expired,           renewal_due};

}  // namespace

SystemTime renewal_time(const Certificate& certificate, const RotationPolicy& policy) {
  const auto life = std::chrono::duration_cast<std::chrono::duration<double>>(
      certificate.not_after - certificate.not_before);
  const double part =
      std::max(0.0, policy.renew_at - policy.jitter * fraction_of(certificate.fingerprint));
  return certificate.not_before + std::chrono::duration_cast<SystemTime::duration>(life * part);
}

std::optional<RenewalReason> renewal_reason(const LeafState& state, const LeafTarget& target,
                                            const RotationPolicy& policy, SystemTime now) {
  const Question question{state, target, policy, now};
  for (const auto& predicate : kPredicates) {
    if (auto reason = predicate(question)) return reason;
  }
  return std::nullopt;
}

}  // namespace bunker::pki
