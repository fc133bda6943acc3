#include "operator/run.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <malloc.h>
#include <unistd.h>

#include "lib/base/host_name.h"
#include "lib/base/random.h"
#include "lib/http/server.h"
#include "lib/kube/controller.h"
#include "lib/kube/event_recorder.h"
#include "lib/kube/fenced_client.h"
#include "lib/kube/kubeconfig.h"
#include "lib/kube/leader_elector.h"
#include "lib/kube/rest_client.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/io_threads.h"
#include "lib/runtime/stop_signals.h"
#include "operator/controller/executor.h"
#include "operator/controller/reconciler.h"
#include "operator/controller/world.h"
#include "operator/plan/planners.h"
#include "operator/probes.h"

namespace bunker::op {
namespace {

// Kubernetes gives a pod 30 s to end.
constexpr std::chrono::seconds kPatience{15};

// Many threads that are mostly idle and lists of megabytes at the start: what they free goes back.
void bound_memory() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

// cpprestsdk parses the system's authorities for every connection, though it is told whom to trust:
// 15 ms each. Before any thread is started.
void spare_system_authorities(const kube::ConnectionOptions& connection) {
  if (!connection.ca.empty()) setenv("SSL_CERT_FILE", "/dev/null", 1);
}

kube::Environment environment() {
  kube::Environment out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view pair = *each;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return out;
}

kube::LeaderElector::Options lease_options(const RunOptions& options, const std::string& own_ns,
                                           const std::string& identity) {
  kube::LeaderElector::Options out;
  out.lease = {options.lease_namespace.empty() ? own_ns : options.lease_namespace,
               options.lease_name};
  out.identity = identity;
  out.times = {options.lease_duration, options.renew_deadline, options.retry_period};
  return out;
}

// A request about the lease must fail while there is still time for another one.
kube::RestClient::Options lease_client_options(const RunOptions& options, std::stop_token stop) {
  kube::RestClient::Options out;
  out.timeout = std::max(std::chrono::milliseconds(1000), options.renew_deadline / 2);
  out.retry.attempts = 1;
  out.stop = std::move(stop);
  return out;
}

std::unique_ptr<http::Server> make_server(IoThreads& threads, const std::string& address,
                                          ProbeOptions probes) {
  if (address == "0") return nullptr;
  http::Server::Options options;
  options.address = address;
  options.limits.connections = 100;
  return std::make_unique<http::Server>(threads, std::move(options),
                                        make_probe_handler(std::move(probes)));
}

// Asks for `stop` unless it is destroyed within kPatience.
std::jthread watchdog(std::stop_source stop) {
  return std::jthread([stop](std::stop_token done) mutable {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any wake;
    wake.wait_for(lock, done, kPatience, [] { return false; });
    if (!done.stop_requested()) stop.request_stop();
  });
}

}  // namespace

Result<void> run(const RunOptions& options) {
  const StopSignals stop_signals;
  bound_memory();
  BUNKER_TRY_ASSIGN(const kube::ConnectionOptions connection,
                    kube::find_connection(options.kubeconfig, environment()));
  spare_system_authorities(connection);
  Logger log({options.log_level, options.log_format, {}, 2});
  Metrics metrics;
  register_build_info(metrics, "bunker-operator");
  register_log_metrics(metrics, log);
  const SystemClock clock;

  // The API server.
  std::stop_source stop_requests;
  kube::RestClient::Options client_options;
  client_options.stop = stop_requests.get_token();
  BUNKER_TRY_ASSIGN(const auto client, kube::connect(connection, client_options, clock, metrics));
  BUNKER_TRY_ASSIGN(
      const auto lease_client,
      kube::connect(connection, lease_client_options(options, stop_requests.get_token()), clock,
                    metrics));

  // Who may write.
  const std::string identity = host_name("unknown") + "_" + random_uuid();
  kube::LeaderElector elector(*lease_client, lease_options(options, connection.ns, identity), clock,
                              log, metrics);
  kube::FencedClient writer(*client, [&] { return !options.leader_elect || elector.leading(); });

  // What is known, what follows from it, and who does it.
  std::optional<kube::Controller> registries;
  std::optional<kube::Controller> users;
  World::Options world_options;
  world_options.namespaces = options.namespaces;
  world_options.idle = options.watch_idle;
  world_options.wanted = [&](const kube::Resource& kind, const kube::ObjectKey& key,
                             kube::Priority priority) {
    (kind == kUsers ? users : registries)->queue().add(key, priority);
  };
  World world(*client, std::move(world_options), log, metrics);
  kube::EventRecorder events(writer, {"bunker.dev/operator", identity}, clock, log);
  Executor executor(writer, world, events);
  PlannerOptions planning;
  planning.images = options.images;
  planning.cluster_domain = options.cluster_domain;
  const std::unique_ptr<Planner> registry_planner = make_registry_planner(planning);
  const std::unique_ptr<Planner> user_planner = make_user_planner(planning);
  Reconciler registry_reconciler(kRegistries, *registry_planner, world, executor, clock);
  Reconciler user_reconciler(kUsers, *user_planner, world, executor, clock);
  const auto wait_for_turn = [&](std::stop_token stop) {
    return world.wait_until_synced(stop) &&
           (!options.leader_elect || elector.wait_until_leading(stop));
  };
  registries.emplace(
      kube::Controller::Options{"registry", options.workers, {}, wait_for_turn},
      [&](const kube::ObjectKey& key) { return registry_reconciler.reconcile(key); }, log, metrics);
  users.emplace(
      kube::Controller::Options{"registryuser", options.workers, {}, wait_for_turn},
      [&](const kube::ObjectKey& key) { return user_reconciler.reconcile(key); }, log, metrics);

  // The ports.
  IoThreads threads(1);
  ProbeOptions metrics_page;
  metrics_page.metrics = &metrics;
  metrics_page.pages = false;
  ProbeOptions health_pages;
  health_pages.live = {{"ping", [] { return true; }}};
  health_pages.ready = {{"informers-synced", [&world] { return world.synced(); }}};
  const auto metrics_server = make_server(threads, options.metrics_address, metrics_page);
  const auto health_server = make_server(threads, options.health_address, health_pages);
  if (metrics_server) BUNKER_TRY(metrics_server->start());
  if (health_server) BUNKER_TRY(health_server->start());
  threads.start();

  world.start();
  registries->start();
  users->start();
  std::jthread election;
  if (options.leader_elect) {
    election = std::jthread([&elector](std::stop_token stop) { elector.run(std::move(stop)); });
  }
  log.info("started", {{"server", connection.server},
                       {"identity", identity},
                       {"metrics_address", metrics_server ? metrics_server->bound_address() : "0"},
                       {"health_address", health_server ? health_server->bound_address() : "0"}});
  if (world.wait_until_synced({})) malloc_trim(0);

  (void)stop_signals.wait();
  log.info("stopping");
  {
    const std::jthread deadline = watchdog(stop_requests);
    registries->stop();
    users->stop();
    election = {};  // lets go of the lease, now that nothing is written any more
  }
  stop_requests.request_stop();
  world.stop();
  threads.stop();
  return {};
}

}  // namespace bunker::op
