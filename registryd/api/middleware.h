// What happens to every request, in order: see Middleware::serve().
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/http/message.h"
#include "registryd/api/api.h"
#include "registryd/api/audit.h"
#include "registryd/api/call.h"
#include "registryd/api/request_id.h"
#include "registryd/api/request_metrics.h"
#include "registryd/api/routes.h"
#include "registryd/api/urls.h"

namespace bunker::api {

// Adds Docker-Distribution-API-Version, and those of `configured` (http.headers) that the response
// does not set itself.
void add_common_headers(http::Response& response,
                        const std::vector<std::pair<std::string, std::string>>& configured);

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
  void log_error(const Call& call, const Error& error) const;
  // What is known of a request until its answer is delivered.
  struct Record {
    SteadyTime start;
    Audit::Event event;
    RequestMetrics::InFlight in_flight;
  };
  void finish(const Context& context, const http::Request& request, const Record& record,
              const http::Delivery& delivery);
  void log_access(const Context& context, const http::Request& request, const Record& record,
                  const RequestMetrics::Finished& finished, bool whole) const;

  Services services_;
  Options options_;
  Urls urls_;
  RequestIds ids_;
  RequestMetrics metrics_;
  Audit audit_;
};

}  // namespace bunker::api
