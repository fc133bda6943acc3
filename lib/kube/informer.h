// Keeps an ObjectCache equal to what the API server has: lists, watches from there, goes on where a
// watch ended, lists again where it cannot, with backoff where the server is in trouble.
// Thread rule: run() on a thread of its own; the rest any thread. Owner: the composition root.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <stop_token>
#include <string>

#include "lib/kube/client.h"
#include "lib/kube/object_cache.h"
#include "lib/kube/resource.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::kube {

// What an informer tells whoever wants to know.
struct Change {
  Object object;  // as it is now, or was last
  bool gone = false;
  bool initial = false;  // it was there when the informer started
};

class Informer {
 public:
  struct Options {
    Resource resource;
    std::string ns;  // empty: all
    std::string label_selector;
    // Drops what nobody reads before an object is kept; empty: keeps all.
    std::function<Object(Object)> strip;
    // On the informer's thread: must be quick.
    std::function<void(const Change&)> on_change;
    // Once, when the first list is in the cache; on the informer's thread.
    std::function<void()> on_synced;
    std::chrono::milliseconds first_backoff{800};
    std::chrono::milliseconds longest_backoff{30'000};
    std::chrono::seconds shortest_watch{300};  // watches end after this to twice this
    std::chrono::milliseconds idle{150'000};   // see WatchOptions
  };

  // All arguments outlive it. A cache belongs to one informer.
  Informer(Client& client, Options options, ObjectCache& cache, Logger& log, Metrics& metrics);

  // Until `stop` is asked for.
  void run(std::stop_token stop);

  // Whether the first list is in the cache.
  [[nodiscard]] bool synced() const noexcept { return synced_.load(); }
  [[nodiscard]] const Resource& resource() const noexcept { return options_.resource; }

 private:
  Result<void> list();
  Result<void> watch(std::stop_token stop);
  void take(WatchEvent event);
  void tell(const Object& object, bool gone);
  void pause(std::stop_token stop);

  Client& client_;
  const Options options_;
  ObjectCache& cache_;
  Logger& log_;
  Counter& lists_;
  Counter& watches_;
  Counter& failures_;
  std::mt19937_64 random_{std::random_device{}()};
  std::string version_;  // empty: list
  std::chrono::milliseconds backoff_{0};
  unsigned hasty_ = 0;
  std::atomic<bool> synced_ = false;
};

}  // namespace bunker::kube
