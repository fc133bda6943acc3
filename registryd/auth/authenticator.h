// Who a request comes from, and what that is good for: the values that authentication and
// authorization speak in, and the interface of the ways to authenticate.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/net/peer_certificate.h"
#include "lib/runtime/context.h"
#include "registryd/access/policy.h"
#include "registryd/auth/watched_file.h"

namespace bunker::auth {

using access::Action;

// Something that a request wants to do. A request that wants nothing only says who it is.
struct Access {
  enum class To : std::uint8_t {
    repository,
    every_repository,
    catalog,  // its list; `action` does not matter
  };
  To to = To::repository;
  std::string repository;
  Action action = Action::pull;
};

// What a token allows, whatever else does. Immutable; any thread.
class Grants {
 public:
  virtual ~Grants() = default;
  [[nodiscard]] virtual bool allow(const Access& access) const = 0;
};

struct Identity {
  std::string user;                                         // by password or token; may be empty
  bool has_credentials = false;                             // whether a password or token was shown
  std::shared_ptr<const Grants> grants;                     // null: nothing is limited by a token
  std::shared_ptr<const net::PeerCertificate> certificate;  // null: none was shown

  [[nodiscard]] bool is_anonymous() const noexcept { return user.empty() && !certificate; }
  // For logs: the user, else the certificate's common name, else nothing.
  [[nodiscard]] std::string_view name() const noexcept {
    if (!user.empty() || !certificate) return user;
    return certificate->common_name;
  }
};

// Why a request may not go on. unauthenticated / UNAUTHORIZED: answer 401 with the challenge;
// forbidden / DENIED: 403; retry_later / TOOMANYREQUESTS.
struct Refusal {
  Error error;
  std::string challenge;  // the WWW-Authenticate value; empty: none belongs to the answer
  Identity identity;      // who was refused, where that is known
};
using Admission = std::expected<Identity, Refusal>;

// A way to authenticate. Thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // Who `request` says it comes from, where it proves that. Without credentials it is an identity
  // without them. `wanted` only goes into the refusal's challenge.
  virtual Task<Admission> identify(Context& context, const http::Request& request,
                                   const std::vector<Access>& wanted) = 0;

  // Why a challenge is sent.
  enum class Lack : std::uint8_t { credentials, scope };
  // E.g. `Basic realm="registry"`.
  [[nodiscard]] virtual std::string challenge(const http::Request& request,
                                              const std::vector<Access>& wanted,
                                              Lack lack) const = 0;

  // Reads now the files that credentials are checked with; what became of each. Blocks.
  virtual std::vector<Reloaded> reload() = 0;

  // Whether credentials are needed even for what rules allow to everybody.
  [[nodiscard]] virtual bool always_needed() const noexcept = 0;
};

}  // namespace bunker::auth
