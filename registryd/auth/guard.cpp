#include "registryd/auth/guard.h"

#include <utility>

namespace bunker::auth {
namespace {

access::Subject subject_of(const Identity& identity) {
  return {identity.user, identity.certificate.get()};
}

Error denied(const Identity& identity, const Access& access) {
  std::string who = identity.is_anonymous() ? "without a login, nobody"
                                            : "'" + std::string(identity.name()) + "'";
  std::string what = access.to == Access::To::catalog
                         ? "list the repositories"
                         : std::string(to_string(access.action)) + " in " + access.repository;
  return Error(Code::forbidden, who + " may not " + what,
               "ask whoever runs this registry for a rule that allows it", "DENIED");
}

bool allowed(const access::Policy& policy, const Identity& identity, const Access& access) {
  const access::Subject subject = subject_of(identity);
  switch (access.to) {
    case Access::To::repository:
      return policy.allows(subject, access.repository, access.action);
    case Access::To::every_repository:
      return policy.allows_everywhere(subject, access.action);
    case Access::To::catalog:  // shows what may be pulled, which may be nothing
      return !identity.is_anonymous() || policy.knows(subject);
  }
  return false;
}

class Gate final : public Guard {
 public:
  explicit Gate(GuardParts parts) : parts_(parts) {}

  Task<Admission> admit(Context& context, const http::Request& request,
                        std::vector<Access> wanted) override {
    Identity identity;
    if (parts_.authenticator != nullptr) {
      auto found = co_await parts_.authenticator->identify(context, request, wanted);
      if (!found) co_return std::unexpected(std::move(found.error()));
      identity = *std::move(found);
    }
    identity.certificate = request.peer.certificate;
    const auto policy = rules();
    if (needs_login(identity, policy.get(), wanted)) {
      co_return log_in(request, wanted, std::move(identity));
    }
    for (const Access& access : wanted) {
      if (identity.grants && !identity.grants->allow(access)) {
        co_return out_of_scope(request, wanted, std::move(identity));
      }
      if (!policy || allowed(*policy, identity, access)) continue;
      // Somebody else might: a client that has a password sends it now.
      if (may_log_in(identity)) co_return log_in(request, wanted, std::move(identity));
      Error why = denied(identity, access);
      co_return std::unexpected(Refusal{std::move(why), {}, std::move(identity)});
    }
    co_return identity;
  }

  [[nodiscard]] bool may(const Identity& identity, const Access& access) const override {
    if (identity.grants && !identity.grants->allow(access)) return false;
    const auto policy = rules();
    return !policy || allowed(*policy, identity, access);
  }

  [[nodiscard]] std::optional<access::View> view(const Identity& identity) const override {
    auto policy = rules();
    if (!policy) return std::nullopt;
    return access::View(std::move(policy), subject_of(identity));
  }

 private:
  // The rules in force; null: there are none.
  [[nodiscard]] std::shared_ptr<const access::Policy> rules() const {
    if (parts_.policies == nullptr) return nullptr;
    auto policy = parts_.policies->current();
    if (!policy->has_rules()) return nullptr;
    return policy;
  }

  [[nodiscard]] bool may_log_in(const Identity& identity) const {
    return parts_.authenticator != nullptr && !identity.has_credentials;
  }

  // Whether credentials come before anything that rules say.
  [[nodiscard]] bool needs_login(const Identity& identity, const access::Policy* policy,
                                 const std::vector<Access>& wanted) const {
    if (!may_log_in(identity)) return false;
    if (policy == nullptr || parts_.authenticator->always_needed()) return true;
    return wanted.empty() && (parts_.challenge_ping || !policy->knows(subject_of(identity)));
  }

  [[nodiscard]] Admission log_in(const http::Request& request, const std::vector<Access>& wanted,
                                 Identity identity) const {
    return std::unexpected(
        Refusal{Error(Code::unauthenticated, "authentication required",
                      "log in to the registry, then try again", "UNAUTHORIZED"),
                parts_.authenticator->challenge(request, wanted, Authenticator::Lack::credentials),
                std::move(identity)});
  }

  [[nodiscard]] Admission out_of_scope(const http::Request& request,
                                       const std::vector<Access>& wanted, Identity identity) const {
    return std::unexpected(
        Refusal{Error(Code::unauthenticated, "the token does not allow this",
                      "get a token for the scope that WWW-Authenticate names", "UNAUTHORIZED"),
                parts_.authenticator->challenge(request, wanted, Authenticator::Lack::scope),
                std::move(identity)});
  }

  const GuardParts parts_;
};

}  // namespace

std::unique_ptr<Guard> make_guard(GuardParts parts) {
  return std::make_unique<Gate>(parts);
}

}  // namespace bunker::auth
