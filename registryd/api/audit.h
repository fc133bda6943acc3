// The audit log: who did what to which repository, from where, and what came of it. One line an
// event, with `audit=true`, written after the answer has left. Not for access logs or metrics.
// Thread-safe; outlives the requests that it writes about.
#pragma once

#include <string>

#include "lib/http/message.h"
#include "lib/observability/log.h"
#include "lib/runtime/context.h"
#include "registryd/api/api.h"
#include "registryd/api/routes.h"
#include "registryd/auth/authenticator.h"

namespace bunker::api {

class Audit {
 public:
  // `log` takes lines of level info.
  Audit(Logger& log, AuditLevel level) : log_(log), level_(level) {}

  struct Event {
    const Route* route = nullptr;  // null: no endpoint saw the request
    Target target;
    auth::Identity identity;
    std::string digest;  // what the answer named; may be empty
    std::string tags;    // that a push set beside its reference; may be empty
  };
  // The event of a request that is answered with `response`.
  [[nodiscard]] Event make_event(const Route* route, const Target& target, auth::Identity identity,
                                 const http::Response& response) const;

  // Writes the event's line, where the level asks for it.
  void write(const Context& context, const http::Request& request, const Event& event,
             int status) const;

 private:
  Logger& log_;
  const AuditLevel level_;
};

}  // namespace bunker::api
