#include "lib/kube/rest_client.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <semaphore>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/kube/decode.h"
#include "lib/kube/object_json.h"

namespace bunker::kube {
namespace {

constexpr std::string_view kJson = "application/json";

// A few at a time cost little memory, and keep the server as busy.
constexpr std::ptrdiff_t kListsAtOnce = 3;
using Lists = std::counting_semaphore<kListsAtOnce>;

class Turn {
 public:
  explicit Turn(Lists& lists) : lists_(lists) { lists_.acquire(); }
  ~Turn() { lists_.release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Lists& lists_;
};

std::string describe(std::string_view verb, const Resource& resource, const ObjectKey& key) {
  return std::string(verb) + " " + resource.gvk.kind + " " + to_string(key);
}

std::string describe_all(std::string_view verb, const Resource& resource, std::string_view ns) {
  return std::string(verb) + " " + resource.plural + " of " +
         (ns.empty() ? "all namespaces" : std::string(ns));
}

// Items of a list of a built-in kind do not say what they are.
Object with_kind(Object object, const Resource& resource) {
  if (!at(object, "/kind").is_null()) return object;
  nlohmann::json value = take_json(std::move(object));
  value["apiVersion"] = resource.gvk.api_version();
  value["kind"] = resource.gvk.kind;
  return Object(std::move(value));
}

}  // namespace

struct RestClient::Impl {
  Impl(std::unique_ptr<Transport> carrier, std::shared_ptr<Credentials> who, Options limits,
       Metrics& sink)
      : transport(std::move(carrier)),
        credentials(std::move(who)),
        options(std::move(limits)),
        metrics(sink) {}

  // Sends once. Withdraws `repeatable` where what has arrived must not arrive again.
  using Send = std::function<TransportReply(const TransportRequest&, bool& repeatable)>;

  // Sends `request` until it is answered or no retry is due. `what` is for error messages.
  Result<std::string> call(TransportRequest request, bool repeatable, const std::string& what) {
    return call(std::move(request), repeatable, what, [this](const TransportRequest& each, bool&) {
      return transport->send(each, options.timeout, options.stop);
    });
  }

  // With `turn`, each attempt waits for its turn.
  Result<std::string> call(TransportRequest request, bool repeatable, const std::string& what,
                           const Send& send, Lists* turn = nullptr) {
    bool authenticated_again = false;
    for (unsigned number = 1;; ++number) {
      std::optional<Turn> held;
      if (turn != nullptr) held.emplace(*turn);
      BUNKER_TRY_ASSIGN(request.bearer, credentials->bearer());
      const auto started = std::chrono::steady_clock::now();
      TransportReply reply = send(request, repeatable);
      count(request, reply.status, std::chrono::steady_clock::now() - started);
      held.reset();
      if (reply.status >= 200 && reply.status < 300) return std::move(reply.body);
      if (options.stop.stop_requested()) return fail(Code::cancelled, what + ": stopped");
      if (reply.status == 401 && !authenticated_again && credentials->refused()) {
        authenticated_again = true;
        continue;
      }
      const auto pause = retry_pause(
          options.retry, {reply.status, number, repeatable, reply.retry_after, random()});
      if (!pause) return fail(error_of(reply, what));
      count_retry(request, reply.status);
      if (!sleep(*pause)) return fail(Code::cancelled, what + ": stopped");
    }
  }

  static Error error_of(const TransportReply& reply, const std::string& what) {
    Error error = status_error(reply.status, reply.body, what);
    if (reply.status == 0) error.detail = reply.failure;
    return error;
  }

  // False: stopped meanwhile.
  bool sleep(std::chrono::milliseconds pause) {
    std::mutex alone;
    std::unique_lock lock(alone);
    std::condition_variable_any wake;
    return !wake.wait_for(lock, options.stop, pause, [this] {
      return options.stop.stop_requested();
    }) && !options.stop.stop_requested();
  }

  double random() {
    const std::lock_guard lock(mutex);
    return std::uniform_real_distribution<double>(0, 1)(engine);
  }

  void count(const TransportRequest& request, int status, std::chrono::nanoseconds took) {
    const std::string code = status == 0 ? "<error>" : std::to_string(status);
    metrics
        .counter("rest_client_requests_total",
                 "Requests to the API server, by status code, method and host.",
                 {{"code", code}, {"method", request.method}, {"host", options.host}})
        .add();
    metrics
        .histogram("rest_client_request_duration_seconds",
                   "Time that requests to the API server took, by verb and host.",
                   {.005, .025, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60},
                   {{"verb", request.method}, {"host", options.host}})
        .observe(std::chrono::duration<double>(took).count());
  }

  void count_retry(const TransportRequest& request, int status) {
    metrics
        .counter("rest_client_request_retries_total",
                 "Requests to the API server that were sent again, by the answer before.",
                 {{"code", status == 0 ? "<error>" : std::to_string(status)},
                  {"verb", request.method},
                  {"host", options.host}})
        .add();
  }

  Result<Object> object_call(TransportRequest request, bool repeatable, const std::string& what) {
    BUNKER_TRY_ASSIGN(const std::string body, call(std::move(request), repeatable, what));
    return decode_object(body);
  }

  std::unique_ptr<Transport> transport;
  std::shared_ptr<Credentials> credentials;
  const Options options;
  Metrics& metrics;
  Lists lists{kListsAtOnce};
  std::mutex mutex;
  std::mt19937_64 engine{std::random_device{}()};
};

RestClient::RestClient(std::unique_ptr<Transport> transport,
                       std::shared_ptr<Credentials> credentials, Options options, Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(transport), std::move(credentials), std::move(options),
                                   metrics)) {}

RestClient::~RestClient() = default;

Result<Object> RestClient::get(const Resource& resource, const ObjectKey& key) {
  return impl_->object_call({"GET", object_path(resource, key), {}, {}, {}}, true,
                            describe("get", resource, key));
}

Result<std::string> RestClient::list(const Resource& resource, const ListOptions& options,
                                     const std::function<void(Object)>& each) {
  ListHead head;
  do {
    const std::string target =
        with_query(collection_path(resource, options.ns),
                   {{"labelSelector", options.label_selector},
                    {"resourceVersion", options.any_version ? "0" : ""},
                    {"limit", options.any_version ? "" : std::to_string(options.page)},
                    {"continue", head.continue_token}});
    ListDecoder decoder;
    Result<void> decoded;
    bool given = false;
    const auto take = [&](std::string_view item) -> Result<void> {
      BUNKER_TRY_ASSIGN(Object object, decode_object(item));
      given = true;
      each(with_kind(std::move(object), resource));
      return {};
    };
    const auto feed = [&](std::string_view bytes) {
      decoded = decoder.feed(bytes, take);
      return decoded.has_value();
    };
    const auto send = [&](const TransportRequest& request, bool& repeatable) {
      decoder = ListDecoder();  // of what broke off
      TransportReply reply =
          impl_->transport->stream(request, impl_->options.timeout, impl_->options.stop, feed);
      // Another first page would be of another version, in which what was handed over may be gone;
      // those with a token are of the same one.
      if (given && head.continue_token.empty()) repeatable = false;
      return reply;
    };
    BUNKER_TRY(impl_->call({"GET", target, {}, {}, {}}, true,
                           describe_all("list", resource, options.ns), send, &impl_->lists));
    BUNKER_TRY(decoded);
    BUNKER_TRY_ASSIGN(head, decoder.finish());
  } while (!head.continue_token.empty());
  return std::move(head.resource_version);
}

Result<void> RestClient::watch(const Resource& resource, const WatchOptions& options,
                               std::stop_token stop, const std::function<void(WatchEvent)>& each) {
  const std::string what = describe_all("watch", resource, options.ns);
  const std::string target =
      with_query(collection_path(resource, options.ns),
                 {{"watch", "true"},
                  {"allowWatchBookmarks", "true"},
                  {"labelSelector", options.label_selector},
                  {"resourceVersion", options.resource_version},
                  {"timeoutSeconds", std::to_string(options.timeout.count())}});
  TransportRequest request{"GET", target, {}, {}, {}};
  BUNKER_TRY_ASSIGN(request.bearer, impl_->credentials->bearer());
  WatchDecoder decoder;
  Result<void> decoded;
  const TransportReply reply =
      impl_->transport->stream(request, options.idle, stop, [&](std::string_view bytes) {
        decoded = decoder.feed(bytes, each);
        return decoded.has_value();
      });
  const bool reached = reply.status != 0 || !decoded;
  impl_->metrics
      .counter("rest_client_requests_total",
               "Requests to the API server, by status code, method and host.",
               {{"code", reached ? std::to_string(reply.status) : "<error>"},
                {"method", "GET"},
                {"host", impl_->options.host}})
      .add();
  if (stop.stop_requested()) return {};
  BUNKER_TRY(decoded);
  if (reply.status >= 200 && reply.status < 300) return {};
  if (reply.status == 401) impl_->credentials->refused();
  return fail(Impl::error_of(reply, what));
}

Result<Object> RestClient::create(const Resource& resource, const Object& object) {
  return impl_->object_call(
      {"POST", collection_path(resource, object.ns()), {}, std::string(kJson), object.dump()},
      false, describe("create", resource, object.key()));
}

Result<Object> RestClient::replace(const Resource& resource, const Object& object) {
  return impl_->object_call(
      {"PUT", object_path(resource, object.key()), {}, std::string(kJson), object.dump()}, true,
      describe("update", resource, object.key()));
}

Result<Object> RestClient::apply(const Resource& resource, const Object& object,
                                 const ApplyOptions& options) {
  const std::string target =
      with_query(object_path(resource, object.key(), options.subresource),
                 {{"fieldManager", options.field_manager}, {"force", options.force ? "true" : ""}});
  return impl_->object_call({"PATCH", target, {}, "application/apply-patch+yaml", object.dump()},
                            true, describe("apply", resource, object.key()));
}

Result<Object> RestClient::merge(const Resource& resource, const ObjectKey& key,
                                 const Object& patch) {
  return impl_->object_call(
      {"PATCH", object_path(resource, key), {}, "application/merge-patch+json", patch.dump()}, true,
      describe("patch", resource, key));
}

Result<void> RestClient::remove(const Resource& resource, const ObjectKey& key,
                                const Preconditions& preconditions) {
  nlohmann::json body = {
      {"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"propagationPolicy", "Background"}};
  if (!preconditions.uid.empty()) body["preconditions"]["uid"] = preconditions.uid;
  if (!preconditions.resource_version.empty()) {
    body["preconditions"]["resourceVersion"] = preconditions.resource_version;
  }
  const Result<std::string> done =
      impl_->call({"DELETE", object_path(resource, key), {}, std::string(kJson), body.dump()}, true,
                  describe("delete", resource, key));
  if (!done) return fail(done.error());
  return {};
}

Result<std::vector<Resource>> RestClient::discover(std::string_view group,
                                                   std::string_view version) {
  const std::string path = group_path(group, version);
  BUNKER_TRY_ASSIGN(const std::string body,
                    impl_->call({"GET", path, {}, {}, {}}, true, "discover " + path));
  BUNKER_TRY_ASSIGN(const Object list, Object::parse(body));
  std::vector<Resource> out;
  for (const nlohmann::json& each : at(list, "/resources")) {
    const std::string name = each.value("name", "");
    if (name.empty() || name.find('/') != std::string::npos) continue;  // a subresource
    out.push_back({{std::string(group), std::string(version), each.value("kind", "")},
                   name,
                   each.value("namespaced", true)});
  }
  return out;
}

Result<std::unique_ptr<Client>> connect(const ConnectionOptions& connection,
                                        RestClient::Options options, const Clock& clock,
                                        Metrics& metrics) {
  std::shared_ptr<Credentials> credentials = make_credentials(connection.credentials, clock);
  TransportOptions wire;
  wire.server = connection.server;
  wire.ca = connection.ca;
  wire.server_name = connection.server_name;
  wire.verify = connection.verify;
  wire.identity = [credentials] { return credentials->identity(); };
  std::unique_ptr<Transport> transport = make_cpprest_transport(std::move(wire));
  if (!transport) {
    return fail(Code::invalid, "\"" + connection.server + "\" is not the URL of an API server");
  }
  if (options.host.empty()) {
    options.host = connection.server.substr(connection.server.find("://") + 3);
  }
  return std::make_unique<RestClient>(std::move(transport), std::move(credentials),
                                      std::move(options), metrics);
}

}  // namespace bunker::kube
