// The endpoints that only say that the registry is there.
#include <utility>

#include "registryd/api/endpoints.h"

namespace bunker::api {

Answer get_root(Call&) {
  co_return http::Response(200);
}

Answer get_base(Call&) {
  co_return json_response("{}");
}

}  // namespace bunker::api
