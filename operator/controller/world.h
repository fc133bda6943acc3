// What the operator knows of the cluster: caches of its resources and of what they own, kept up to
// date by informers, and who has to do with whom. Says which subjects to look at when something
// changes. Not for deciding (operator/plan) or writing (executor.h).
// Thread rule: any thread. Owner: run.cpp.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/kube/client.h"
#include "lib/kube/queue_state.h"
#include "lib/kube/resource.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "operator/plan/plan.h"

namespace bunker::op {

inline const kube::Resource kRegistries{{"bunker.dev", "v1alpha1", "Registry"}, "registries"};
inline const kube::Resource kUsers{{"bunker.dev", "v1alpha1", "RegistryUser"}, "registryusers"};

class World {
 public:
  struct Options {
    std::vector<std::string> namespaces;      // empty: all
    std::chrono::milliseconds idle{150'000};  // of a watch, see kube::WatchOptions
    std::chrono::minutes rediscover{10};      // how often optional kinds that were missing are
                                              // looked for
    // A subject (a Registry or RegistryUser, by its kind) is to be looked at. Must be quick.
    std::function<void(const kube::Resource& kind, const kube::ObjectKey& key, kube::Priority)>
        wanted;
  };

  // All arguments outlive it.
  World(kube::Client& client, Options options, Logger& log, Metrics& metrics);
  ~World();  // stop()
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Starts the informers, each on a thread of its own.
  void start();
  void stop();

  // Whether every cache has its first list.
  [[nodiscard]] bool synced() const;
  // Blocks until then; false: `stop` was asked for.
  bool wait_until_synced(std::stop_token stop) const;

  // What is known about a subject; nullopt: it is gone.
  [[nodiscard]] std::optional<Observed> observe(const kube::Resource& kind,
                                                const kube::ObjectKey& key) const;

  // The resource of a kind that planners make; nullopt: the API server does not serve it.
  [[nodiscard]] std::optional<kube::Resource> resource_of(const kube::Gvk& gvk) const;

  // What was just written or deleted, so that the next observe() has it already.
  void wrote(const kube::Object& object);
  void deleted(const kube::Object& object);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::op
