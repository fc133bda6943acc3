// Repositories of the registry (docker's registry API; not in the OCI spec).
#include <algorithm>
#include <utility>

#include "registryd/api/endpoints.h"
#include "registryd/api/parse.h"

namespace bunker::api {

// What distribution gives a client that asks for no number.
constexpr std::size_t kUnaskedEntries = 100;

Answer list_catalog(Call& call) {
  const std::size_t most = call.options.catalog_max_entries;
  BUNKER_CO_TRY_ASSIGN(auto page, parse_page(call.request, std::min(kUnaskedEntries, most), most));
  const std::size_t limit = page.limit.value_or(most);
  BUNKER_CO_TRY_ASSIGN(const registry::NamePage repositories,
                       co_await call.services.registry.catalog(call.context, std::move(page)));
  std::string json;
  json.reserve(64 + repositories.names.size() * 32);
  json += "{\"repositories\":";
  append_json_strings(json, repositories.names);
  json += "}\n";
  http::Response response = json_response(std::move(json));
  if (repositories.more && !repositories.names.empty()) {
    response.headers.add("Link", call.urls.next_catalog(repositories.names.back(), limit));
  }
  co_return response;
}

}  // namespace bunker::api
