// Repositories of the registry (docker's registry API; not in the OCI spec).
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "registryd/api/endpoints.h"
#include "registryd/api/parse.h"

namespace bunker::api {

// What distribution gives a client that asks for no number.
constexpr std::size_t kUnaskedEntries = 100;

namespace {

// What who asks may pull; nullopt: everything.
std::optional<registry::NameFilter> visible_to(const Call& call) {
  if (call.services.guard == nullptr) return std::nullopt;
  auto view = call.services.guard->view(call.identity);
  if (!view) return std::nullopt;
  const auto shared = std::make_shared<const access::View>(*std::move(view));
  registry::NameFilter filter;
  filter.includes = [shared](const std::string& name) { return shared->includes(name); };
  filter.enters = [shared](const std::string& path) { return shared->enters(path); };
  return filter;
}

}  // namespace

Answer list_catalog(Call& call) {
  const std::size_t most = call.options.catalog_max_entries;
  BUNKER_CO_TRY_ASSIGN(auto page, parse_page(call.request, std::min(kUnaskedEntries, most), most));
  const std::size_t limit = page.limit.value_or(most);
  BUNKER_CO_TRY_ASSIGN(
      const registry::NamePage repositories,
      co_await call.services.registry.catalog(call.context, std::move(page), visible_to(call)));
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
