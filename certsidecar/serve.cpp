#include "certsidecar/serve.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "certsidecar/authority/cluster.h"
#include "certsidecar/authority/folder_store.h"
#include "certsidecar/run/debug_handler.h"
#include "certsidecar/run/rotator.h"
#include "certsidecar/sds/server.h"
#include "lib/http/server.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/io_threads.h"
#include "lib/runtime/stop_signals.h"

namespace bunker::certsidecar {
namespace {

bool needs_cluster(const Config& config) {
  return std::ranges::any_of(config.authorities, [](const AuthorityConfig& one) {
    return one.source == AuthorityConfig::Source::secret;
  });
}

// `cluster` is there where it is needed.
Rotator::Stores open_stores(const Config& config, Cluster* cluster, const Clock& clock) {
  Rotator::Stores out;
  for (const AuthorityConfig& one : config.authorities) {
    switch (one.source) {
      case AuthorityConfig::Source::folder:
        out[one.name] = make_folder_store(one.folder, clock);
        break;
      case AuthorityConfig::Source::mounted:
        out[one.name] = make_mounted_store(one.folder);
        break;
      case AuthorityConfig::Source::secret:
        out[one.name] = cluster->open(one);
        break;
    }
  }
  return out;
}

}  // namespace

Result<void> serve(const Config& config) {
  const StopSignals stop_signals;
  Logger log(Logger::Options{.level = config.log_level, .format = config.log_format});
  Metrics metrics;
  register_build_info(metrics, "certsidecar");
  register_log_metrics(metrics, log);
  const SystemClock clock;

  std::unique_ptr<Cluster> cluster;
  if (needs_cluster(config)) {
    BUNKER_TRY_ASSIGN(cluster, Cluster::connect(config, clock, log, metrics));
  }
  // The rotator is told when a subscriber answered; it is there before the first one can be.
  std::atomic<Rotator*> listener = nullptr;
  std::unique_ptr<Delivery> sds;
  if (!config.sds_socket.empty()) {
    const auto answered = [&listener] {
      if (Rotator* rotator = listener.load()) rotator->notify();
    };
    BUNKER_TRY_ASSIGN(sds, start_sds({config.sds_socket, config.sds_mode, answered}, log, metrics));
  }
  Rotator rotator(config, open_stores(config, cluster.get(), clock), sds.get(), clock, log,
                  metrics);
  listener = &rotator;

  IoThreads threads(1);
  std::optional<http::Server> debug;
  if (!config.debug_address.empty()) {
    http::Server::Options options;
    options.address = config.debug_address;
    debug.emplace(threads, std::move(options),
                  make_debug_handler(metrics, [&rotator] { return rotator.ready(); }));
    BUNKER_TRY(debug->start());
  }
  threads.start();

  log.info("running", {{"name", config.name},
                       {"debug_address", debug ? debug->bound_address() : "off"},
                       {"certificates", config.certificates.size()}});
  std::jthread rotation([&rotator](std::stop_token stop) { rotator.run(std::move(stop)); });

  log.info("stopping", {{"signal", stop_signals.wait()}});
  rotation.request_stop();
  rotation.join();
  listener = nullptr;
  if (debug) debug->drain(std::chrono::milliseconds(0));
  threads.stop();
  return {};
}

}  // namespace bunker::certsidecar
