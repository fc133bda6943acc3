#include "registryd/api/api.h"

#include <memory>

#include "registryd/api/middleware.h"

namespace bunker::api {

http::Handler make_handler(Services services, Options options) {
  auto middleware = std::make_shared<Middleware>(services, std::move(options));
  return [middleware = std::move(middleware)](Context& context, http::Request& request) {
    return middleware->serve(context, request);
  };
}

}  // namespace bunker::api
