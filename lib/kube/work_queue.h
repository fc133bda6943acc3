// A queue of keys that are to be looked at: deduplicated, never the same key with two workers,
// failures retried with backoff, what people change before what a start brings up.
// Metrics have controller-runtime's names (workqueue_*), labels name and controller.
// Thread rule: any thread. Owner: a Controller; `metrics` outlives it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "lib/kube/object.h"
#include "lib/kube/queue_state.h"
#include "lib/observability/metrics.h"

namespace bunker::kube {

class WorkQueue {
 public:
  WorkQueue(std::string name, Backoff backoff, Metrics& metrics);
  ~WorkQueue();

  // See QueueState.
  void add(const ObjectKey& key, Priority priority = Priority::normal);
  void add_after(const ObjectKey& key, std::chrono::milliseconds pause);
  // After a failure: with the key's backoff, which it returns.
  std::chrono::milliseconds retry(const ObjectKey& key);
  void forget(const ObjectKey& key);

  // Blocks until there is a key, which is the caller's until done(); nullopt: `stop` was asked for.
  std::optional<ObjectKey> take(std::stop_token stop);
  void done(const ObjectKey& key);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the metrics
};

}  // namespace bunker::kube
