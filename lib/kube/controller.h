// Works a queue off: takes keys, has them reconciled, and puts those back that failed or want to be
// looked at again. Metrics have controller-runtime's names (controller_runtime_*).
// Thread rule: any thread. Owner: the composition root, which destroys it before what it uses.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "lib/base/result.h"
#include "lib/kube/object.h"
#include "lib/kube/work_queue.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::kube {

class Controller {
 public:
  // Makes what `key` names as it should be, whatever is the matter with it; returns when to look
  // again although nothing changes. An error is retried with backoff, but for Code::invalid, which
  // only a change can mend. Called on worker threads, never twice at a time for one key.
  using Reconcile =
      std::function<Result<std::optional<std::chrono::milliseconds>>(const ObjectKey& key)>;

  struct Options {
    std::string name;
    unsigned workers = 1;  // >= 1
    Backoff backoff;
    // Blocks until it is this program's turn to work; false: it is being stopped. Asked before each
    // key. Empty: always.
    std::function<bool(std::stop_token)> wait_for_turn;
  };

  Controller(Options options, Reconcile reconcile, Logger& log, Metrics& metrics);
  ~Controller();  // stop()

  // Where what is to be looked at goes, from the start on.
  [[nodiscard]] WorkQueue& queue();

  void start();
  // Lets the keys being worked on end, and joins. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::kube
