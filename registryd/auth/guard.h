// Lets a request in or not: who it comes from, by password, token or client certificate, and what
// the rules allow to that identity. Asked before a request's body is read, and again for each
// request of a connection, so that what was taken away is gone at once.
// Thread-safe. Owner: the composition root.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "registryd/access/policy.h"
#include "registryd/auth/authenticator.h"
#include "registryd/auth/policy_source.h"

namespace bunker::auth {

class Guard {
 public:
  virtual ~Guard() = default;

  // The identity behind `request`, when it may do all of `wanted`.
  virtual Task<Admission> admit(Context& context, const http::Request& request,
                                std::vector<Access> wanted) = 0;

  // Whether an identity that was admitted may do something else, too.
  [[nodiscard]] virtual bool may(const Identity& identity, const Access& access) const = 0;

  // What `identity` sees of the catalog; nullopt: everything.
  [[nodiscard]] virtual std::optional<access::View> view(const Identity& identity) const = 0;
};

struct GuardParts {
  Authenticator* authenticator = nullptr;  // null: nobody is asked for credentials
  PolicySource* policies = nullptr;        // null: no rules
  // GET /v2/, with which clients find out how to log in, is a challenge for whoever shows no
  // credentials, though rules let everybody do something. Without it docker before 29 never logs
  // in; with it, docker before 29 never pulls anonymously.
  bool challenge_ping = true;
};
// What `parts` refers to outlives the guard.
[[nodiscard]] std::unique_ptr<Guard> make_guard(GuardParts parts);

}  // namespace bunker::auth
