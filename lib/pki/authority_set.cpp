#include "lib/pki/authority_set.h"

#include <algorithm>
#include <utility>

#include "lib/pki/bundle.h"

namespace bunker::pki {
namespace {

// For verifiers whose clocks are late.
constexpr std::chrono::minutes kCrlBackdate{5};

// A CA of the set that can sign its revocation list.
std::vector<Authority> list_signers(const AuthoritySet& set) {
  std::vector<Authority> out;
  const auto add = [&out](Authority one) {
    if (one.certificate().signs_crls) out.push_back(std::move(one));
  };
  add(set.current);
  if (set.next) add(set.next->authority);
  for (const PreviousAuthority& one : set.previous) {
    if (!one.key) continue;
    if (auto authority = Authority::make(one.certificate, *one.key)) add(std::move(*authority));
  }
  return out;
}

// Whether the list is to be signed anew: a third of what it should last is over.
bool due(const AuthoritySet& set, const Crl& list, SystemTime now) {
  if (now < list.this_update || now >= list.next_update) return true;
  if (set.crl_lifetime.count() == 0) return false;  // it lasts as long as its CA
  return now >= list.this_update + kCrlBackdate + set.crl_lifetime / 3;
}

// Signs the list of `authority` with what it held and `more`.
Result<Crl> sign_list(const AuthoritySet& set, const Authority& authority,
                      const std::vector<Revocation>& more, SystemTime now) {
  const Crl* old = newest_of(set.crls, authority.certificate());
  CrlRequest request;
  request.revoked = merge(old == nullptr ? std::vector<Revocation>() : old->revoked, more);
  request.number = old == nullptr ? 1 : old->number + 1;
  request.this_update = now - kCrlBackdate;
  const SystemTime end = authority.certificate().not_after;
  request.next_update = set.crl_lifetime.count() > 0 ? now + set.crl_lifetime : end;
  // Nothing is verified with an expired CA; its list must be well-formed all the same.
  request.next_update = std::max(request.next_update, now + std::chrono::hours(1));
  return make_crl(authority, std::move(request));
}

// Lists of which nothing newer is in `lists`, and whose issuer is trusted.
void replace_lists(AuthoritySet& set, std::vector<Crl> lists) {
  std::vector<Crl> out;
  for (const Certificate& issuer : set.trusted()) {
    const Crl* made = newest_of(lists, issuer);
    const Crl* kept = newest_of(set.crls, issuer);
    if (made != nullptr) {
      out.push_back(*made);
    } else if (kept != nullptr) {
      out.push_back(*kept);
    }
  }
  set.crls = std::move(out);
}

}  // namespace

std::vector<Certificate> AuthoritySet::trusted() const {
  std::vector<Certificate> out = current.chain();
  if (next) out = merge(out, next->authority.chain());
  for (const PreviousAuthority& one : previous) out = merge(out, std::span(&one.certificate, 1));
  return out;
}

void prepare(AuthoritySet& set, Authority next, SystemTime now) {
  ++set.generation;
  set.next = PreparedAuthority{std::move(next), now, set.generation};
}

Result<void> activate(AuthoritySet& set, SystemTime now, bool taint) {
  if (!set.next) {
    return fail(Code::invalid, "no CA is prepared to follow", "run certsidecar ca prepare first");
  }
  ++set.generation;
  PreviousAuthority old{set.current.certificate(), set.current.key(), now, set.generation, taint};
  set.previous.insert(set.previous.begin(), std::move(old));
  set.current = std::move(set.next->authority);
  set.next.reset();
  return {};
}

Result<void> retire(AuthoritySet& set, std::string_view fingerprint) {
  const auto gone = std::erase_if(set.previous, [&](const PreviousAuthority& one) {
    return one.certificate.fingerprint == fingerprint;
  });
  if (gone == 0) {
    return fail(Code::not_found, "there is no previous CA " + std::string(fingerprint));
  }
  ++set.generation;
  replace_lists(set, {});
  return {};
}

void record_issued(AuthoritySet& set, const std::string& name, const Certificate& certificate,
                   SystemTime now) {
  std::erase_if(set.issued, [&](const IssuedClient& one) { return one.not_after <= now; });
  for (IssuedClient& one : set.issued) {
    if (one.name == name && !one.replaced) one.replaced = now;
  }
  std::string authority;
  for (const Certificate& one : set.trusted()) {
    if (one.subject_key_id == certificate.authority_key_id) authority = one.fingerprint;
  }
  set.issued.push_back(
      {name, certificate.serial, std::move(authority), certificate.not_after, std::nullopt});
}

Result<void> revoke(AuthoritySet& set, const std::vector<std::string>& serials, SystemTime now) {
  const auto signer_of = [&](const std::string& serial) -> std::string {
    const auto at = std::ranges::find(set.issued, serial, &IssuedClient::serial);
    return at == set.issued.end() ? "" : at->authority;
  };
  std::vector<Crl> lists;
  for (const Authority& authority : list_signers(set)) {
    std::vector<Revocation> more;
    for (const std::string& serial : serials) {
      const std::string signer = signer_of(serial);
      if (signer.empty() || signer == authority.certificate().fingerprint) {
        more.push_back({serial, now});
      }
    }
    if (more.empty()) continue;
    BUNKER_TRY_ASSIGN(Crl list, sign_list(set, authority, more, now));
    lists.push_back(std::move(list));
  }
  if (lists.empty()) {
    return fail(Code::forbidden, "no CA that is trusted can sign a revocation list for this");
  }
  replace_lists(set, std::move(lists));
  // A revoked certificate holds no old CA in place.
  std::erase_if(set.issued, [&](const IssuedClient& one) {
    return std::ranges::find(serials, one.serial) != serials.end();
  });
  return {};
}

Result<bool> refresh_crls(AuthoritySet& set, SystemTime now) {
  std::vector<Crl> lists;
  for (const Authority& authority : list_signers(set)) {
    const Crl* old = newest_of(set.crls, authority.certificate());
    if (old != nullptr && !due(set, *old, now)) continue;
    BUNKER_TRY_ASSIGN(Crl list, sign_list(set, authority, {}, now));
    lists.push_back(std::move(list));
  }
  const std::size_t before = set.crls.size();
  const bool made = !lists.empty();
  replace_lists(set, std::move(lists));
  return made || set.crls.size() != before;
}

}  // namespace bunker::pki
