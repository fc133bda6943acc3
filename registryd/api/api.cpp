#include "registryd/api/api.h"

#include <memory>

#include "registryd/api/errors.h"
#include "registryd/api/middleware.h"

namespace bunker::api {

http::Handler make_handler(Services services, Options options) {
  auto middleware = std::make_shared<Middleware>(services, std::move(options));
  return [middleware = std::move(middleware)](Context& context, http::Request& request) {
    return middleware->serve(context, request);
  };
}

http::Refuse make_refuse(const Options& options) {
  return [headers = options.headers](int status, std::string_view reason) {
    http::Response response = render_refusal(status, reason);
    add_common_headers(response, headers);
    return response;
  };
}

}  // namespace bunker::api
