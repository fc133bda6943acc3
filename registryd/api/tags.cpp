// Tags of a repository (OCI distribution-spec, "Listing Tags").
#include <utility>

#include "registryd/api/endpoints.h"
#include "registryd/api/parse.h"

namespace bunker::api {

Answer list_tags(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  // Without `n` all of them: there are clients that never follow Link.
  BUNKER_CO_TRY_ASSIGN(auto page, parse_page(call.request, std::nullopt, call.options.tags_max));
  const std::optional<std::size_t> limit = page.limit;
  BUNKER_CO_TRY_ASSIGN(const registry::NamePage tags,
                       co_await call.services.registry.tags(call.context, name, std::move(page)));
  std::string json;
  json.reserve(64 + name.str().size() + tags.names.size() * 24);
  json += "{\"name\":";
  append_json_string(json, name.str());
  json += ",\"tags\":";
  append_json_strings(json, tags.names);
  json += "}\n";
  http::Response response = json_response(std::move(json));
  if (tags.more && limit && !tags.names.empty()) {
    response.headers.add("Link", call.urls.next_tags(name.str(), tags.names.back(), *limit));
  }
  co_return response;
}

}  // namespace bunker::api
