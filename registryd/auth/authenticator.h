// Who a request comes from, and whether that is enough. Checked before a request's body is read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/runtime/context.h"

namespace bunker::auth {

struct Identity {
  std::string name;  // empty: anonymous
};

enum class Action { pull, push, remove };

// What a request wants to do. An empty repository is the API's base or the catalog.
struct Access {
  std::string repository;
  Action action = Action::pull;
};

// Thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // The identity behind `request`, when it may do all of `wanted`.
  // unauthenticated / UNAUTHORIZED: answer 401 with challenge(); forbidden / DENIED: answer 403.
  virtual Task<Result<Identity>> authenticate(Context& context, const http::Request& request,
                                              std::vector<Access> wanted) = 0;

  // The WWW-Authenticate value for a 401, e.g. `Basic realm="registry"`.
  [[nodiscard]] virtual std::string challenge(const http::Request& request,
                                              const std::vector<Access>& wanted) const = 0;
};

}  // namespace bunker::auth
