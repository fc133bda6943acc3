// What refers to a manifest (OCI distribution-spec, "Listing Referrers").
#include <utility>

#include "registryd/api/endpoints.h"
#include "registryd/api/parse.h"
#include "registryd/core/errors.h"

namespace bunker::api {

Answer list_referrers(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  BUNKER_CO_TRY_ASSIGN(auto subject, call.digest());
  BUNKER_CO_TRY_ASSIGN(const auto filter,
                       query_param(call.request, "artifactType", registry::reason::kUnsupported));
  BUNKER_CO_TRY_ASSIGN(std::string index,
                       co_await call.services.registry.referrers(
                           call.context, std::move(name), std::move(subject), filter.value_or("")));
  // Compared as a string by oras: no parameters.
  http::Response response =
      json_response(std::move(index), "application/vnd.oci.image.index.v1+json");
  if (filter) response.headers.add("OCI-Filters-Applied", "artifactType");
  co_return response;
}

}  // namespace bunker::api
