// Makes one subject as it should be: observe, plan, carry out. Knows nothing of what is in it.
// Thread rule: any thread, one subject in one thread at a time. Owner: run.cpp.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "operator/controller/executor.h"
#include "operator/controller/world.h"
#include "operator/plan/plan.h"

namespace bunker::op {

class Reconciler {
 public:
  // All arguments outlive it.
  Reconciler(const kube::Resource& kind, const Planner& planner, World& world, Executor& executor,
             const Clock& clock)
      : kind_(kind), planner_(planner), world_(world), executor_(executor), clock_(clock) {}

  // As kube::Controller::Reconcile. A plan that is empty makes no request.
  Result<std::optional<std::chrono::milliseconds>> reconcile(const kube::ObjectKey& key);

 private:
  // Tells people about a failure that they can do something about.
  void report(Observed observed, const Error& error);

  const kube::Resource kind_;
  const Planner& planner_;
  World& world_;
  Executor& executor_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<kube::ObjectKey, std::string> failures_;  // of the last attempt
};

}  // namespace bunker::op
