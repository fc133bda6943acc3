#include "registryd/api/middleware.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "registryd/api/errors.h"
#include "registryd/api/text.h"
#include "registryd/core/errors.h"

namespace bunker::api {
namespace {

namespace reason = registry::reason;

// "/registry/" and "registry" as parse_path() takes them.
Options normalized(Options options) {
  while (options.prefix.ends_with('/')) options.prefix.pop_back();
  if (!options.prefix.empty() && options.prefix.front() != '/') options.prefix.insert(0, 1, '/');
  return options;
}

std::vector<auth::Access> wanted_access(const Call& call, Needs needs) {
  using auth::Access;
  using auth::Action;
  const std::string name(call.target.name);
  switch (needs) {
    case Needs::nothing:
    case Needs::login:
      return {};
    case Needs::catalog:
      return {{Access::To::catalog, {}, Action::pull}};
    case Needs::pull:
      return {{Access::To::repository, name, Action::pull}};
    case Needs::push:
      return {{Access::To::repository, name, Action::pull},
              {Access::To::repository, name, Action::push}};
    case Needs::remove:
      return {{Access::To::repository, name, Action::remove}};
  }
  return {};
}

// A preflight of a browser carries no credentials and learns only what this table says.
http::Response options_response(Resource resource) {
  http::Response response(200);
  response.headers.add("Allow", allowed_methods(resource));
  return response;
}

// GET's answer without its body, and with the length that it has.
void drop_body(http::Response& response) {
  const bool has_length = response.status != 204 && response.status != 304;
  if (has_length && !response.head_length) response.head_length = response.body.length;
  response.body = Body();
}

std::uint64_t size_of(const http::Request& request) {
  std::uint64_t size = request.path.size() + request.query.size() + request.method_name.size();
  for (const auto& [name, value] : request.headers.fields()) size += name.size() + value.size();
  return size + request.content_length.value_or(0);
}

// The query as the access log shows it: only parameters that this API gives a meaning, none of
// which is a secret. `_state` opens an upload to whoever has it.
std::string loggable_query(std::string_view query) {
  constexpr std::array<std::string_view, 9> kShown = {
      "n", "last", "digest", "mount", "from", "tag", "artifactType", "digest-algorithm", "ns"};
  std::string shown;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (std::ranges::find(kShown, pair.substr(0, pair.find('='))) == kShown.end()) continue;
    if (!shown.empty()) shown += '&';
    shown += pair;
  }
  return shown;
}

}  // namespace

void add_common_headers(http::Response& response,
                        const std::vector<std::pair<std::string, std::string>>& configured) {
  const std::size_t own = response.headers.fields().size();
  response.headers.reserve(own + configured.size() + 2);
  for (const auto& [name, value] : configured) {
    // Against the endpoint's own fields only: several values of one configured field all stay.
    const auto fields = std::span(response.headers.fields()).first(own);
    const auto same = [&](const auto& field) { return equal_fold(field.first, name); };
    if (std::ranges::none_of(fields, same)) response.headers.add(name, value);
  }
  response.headers.add("Docker-Distribution-API-Version", "registry/2.0");
}

Middleware::Middleware(Services services, Options options)
    : services_(services),
      options_(normalized(std::move(options))),
      urls_({options_.prefix, options_.host, options_.relative_urls}),
      metrics_(services.metrics),
      audit_(services.audit != nullptr ? *services.audit : services.logger, options_.audit) {}

Task<http::Response> Middleware::serve(Context& context, http::Request& request) {
  // First the id: every line and error from here on names it.
  context.request_id = ids_.id_of(request);
  // Then the route, which every later step depends on.
  const Target target = parse_path(request.path, options_.prefix);
  // In flight from before the first wait until the answer is delivered.
  Record record{std::chrono::steady_clock::now(), {}, {metrics_, target.resource}};
  Call call{context, request, services_, options_, urls_, target, {}};
  http::Response response = co_await answer(call);
  record.event = audit_.make_event(find_route(target.resource, request.method), target,
                                   std::move(call.identity), response);
  // HEAD is GET until its body would be sent.
  if (request.method == http::Method::head) drop_body(response);
  // On every answer, errors too: old docker takes a registry without them for another version.
  add_common_headers(response, options_.headers);
  response.headers.add("X-Request-Id", context.request_id);
  // Last, counts and the log, which need the outcome.
  response.on_delivered = [this, &context, &request,
                           record = std::move(record)](const http::Delivery& delivery) {
    finish(context, request, record, delivery);
  };
  co_return response;
}

void Middleware::finish(const Context& context, const http::Request& request, const Record& record,
                        const http::Delivery& delivery) {
  const RequestMetrics::Finished finished{record.event.target.resource,
                                          request.method,
                                          delivery.status,
                                          std::chrono::steady_clock::now() - record.start,
                                          size_of(request),
                                          delivery.bytes};
  metrics_.count(finished);
  audit_.write(context, request, record.event, delivery.status);
  if (options_.access_log && services_.logger.enabled(LogLevel::info)) {
    log_access(context, request, record, finished, delivery.whole);
  }
}

Task<http::Response> Middleware::answer(Call& call) const {
  const Route* const route = find_route(call.target.resource, call.request.method);
  // What needs no identity comes first: no endpoint, wrong method, unhealthy.
  if (auto away = turn_away(call, route)) co_return *std::move(away);
  // Before the endpoint reads a body: a client with an expired token gets its 401 while it can
  // still act on it.
  if (services_.guard != nullptr && route->needs != Needs::nothing) {
    auto refusal = co_await authorize(call, route->needs);
    if (refusal) co_return *std::move(refusal);
  }
  // The endpoint; the registry itself refuses writes where it is read-only.
  Result<http::Response> result = co_await route->answer(call);
  if (result) co_return *std::move(result);
  log_error(call, result.error());
  co_return render_error(result.error(), call.target, call.context.request_id);
}

std::optional<http::Response> Middleware::turn_away(const Call& call, const Route* route) const {
  const auto render = [&call](const Error& error) {
    return render_error(error, call.target, call.context.request_id);
  };
  if (call.target.resource == Resource::unknown) {
    http::Response response =
        render(Error(Code::unsupported, "there is nothing at this path",
                     "the API is at " + options_.prefix + "/v2/", reason::kUnsupported));
    response.status = 404;
    return response;
  }
  if (call.request.method == http::Method::options) return options_response(call.target.resource);
  if (route == nullptr) {
    http::Response response = render(Error(
        Code::unsupported, "this path does not know the method",
        "use one of " + std::string(allowed_methods(call.target.resource)), reason::kUnsupported));
    response.headers.add("Allow", allowed_methods(call.target.resource));
    return response;
  }
  // distribution answers so too; "/" stays up, it says that the process is alive.
  if (call.target.resource != Resource::root && options_.healthy && !options_.healthy()) {
    return render(Error(Code::retry_later, "a health check of the registry fails",
                        "/debug/health on the debug address says which", reason::kUnavailable));
  }
  return std::nullopt;
}

Task<std::optional<http::Response>> Middleware::authorize(Call& call, Needs needs) const {
  auto admission =
      co_await services_.guard->admit(call.context, call.request, wanted_access(call, needs));
  if (admission) {
    call.identity = *std::move(admission);
    co_return std::nullopt;
  }
  auth::Refusal& refusal = admission.error();
  call.identity = std::move(refusal.identity);
  log_error(call, refusal.error);
  http::Response response = render_error(refusal.error, call.target, call.context.request_id);
  if (!refusal.challenge.empty()) response.headers.add("WWW-Authenticate", refusal.challenge);
  co_return response;
}

void Middleware::log_error(const Call& call, const Error& error) const {
  const int status = to_wire(error).status;
  LogLevel level = LogLevel::debug;  // the client's mistakes are in the access log
  if (status >= 500) level = status == 503 ? LogLevel::warn : LogLevel::error;
  if (!services_.logger.enabled(level)) return;
  services_.logger.log(level, "request failed",
                       {{"request_id", call.context.request_id},
                        {"method", call.request.method_name},
                        {"path", call.request.path},
                        {"status", status},
                        {"error", to_string(error)}});
}

void Middleware::log_access(const Context& context, const http::Request& request,
                            const Record& record, const RequestMetrics::Finished& finished,
                            bool whole) const {
  const std::string query = loggable_query(request.query);
  const std::chrono::duration<double, std::milli> duration = finished.duration;
  services_.logger.info("request",
                        {{"request_id", context.request_id},
                         {"peer", request.peer.address},
                         {"user", record.event.identity.name()},
                         {"method", request.method_name},
                         {"path", request.path},
                         {"query", query},
                         {"repository", record.event.target.name},
                         {"status", finished.status},
                         {"request_bytes", finished.request_bytes},
                         {"bytes", finished.response_bytes},
                         {"whole", whole},
                         {"duration_ms", duration.count()},
                         {"user_agent", request.headers.get("User-Agent").value_or("")}});
}

}  // namespace bunker::api
