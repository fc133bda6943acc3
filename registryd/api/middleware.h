// What happens to every request, in order: see Middleware::serve().
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/http/message.h"
#include "registryd/api/api.h"
#include "registryd/api/call.h"
#include "registryd/api/request_id.h"
#include "registryd/api/request_metrics.h"
#include "registryd/api/routes.h"
#include "registryd/api/urls.h"

namespace bunker::api {

// Thread-safe. Outlives the tasks that it returns.
class Middleware {
 public:
  Middleware(Services services, Options options);

  Task<http::Response> serve(Context& context, http::Request& request);

 private:
  // The answer to a request that no endpoint sees, or nullopt.
  [[nodiscard]] std::optional<http::Response> turn_away(const Call& call, const Route* route) const;
  // The answer to who may not, or nullopt and call.identity is set.
  Task<std::optional<http::Response>> authorize(Call& call, Needs needs) const;
  Task<http::Response> answer(Call& call) const;
  void add_common_headers(const Context& context, http::Response& response) const;
  void log_error(const Call& call, const Error& error) const;
  void log_access(const Call& call, const RequestMetrics::Finished& finished) const;

  Services services_;
  Options options_;
  Urls urls_;
  RequestIds ids_;
  RequestMetrics metrics_;
};

}  // namespace bunker::api
