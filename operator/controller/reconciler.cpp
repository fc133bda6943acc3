#include "operator/controller/reconciler.h"

#include <utility>

namespace bunker::op {
namespace {

// What the API server will still refuse when it is asked again.
bool lasting(Code code) {
  return code == Code::invalid || code == Code::forbidden || code == Code::unsupported ||
         code == Code::too_large || code == Code::not_found || code == Code::already_exists;
}

}  // namespace

Result<std::optional<std::chrono::milliseconds>> Reconciler::reconcile(const kube::ObjectKey& key) {
  std::optional<Observed> observed = world_.observe(kind_, key);
  if (!observed) {
    const std::lock_guard lock(mutex_);
    failures_.erase(key);
    return std::nullopt;
  }
  observed->now = clock_.now();
  const Plan plan = planner_.plan(*observed);
  const Result<void> done = executor_.carry_out(plan, *observed);
  if (!done) {
    if (lasting(done.error().code)) report(std::move(*observed), done.error());
    Error error = done.error();
    // Invalid to the API server may be valid once something else has changed: tried again.
    if (error.code == Code::invalid) error.code = Code::retry_later;
    return fail(std::move(error));
  }
  {
    const std::lock_guard lock(mutex_);
    failures_.erase(key);
  }
  if (!plan.again) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*plan.again);
}

void Reconciler::report(Observed observed, const Error& error) {
  observed.failure = error.message;
  const Plan plan = planner_.plan(observed);
  // The same failure is told once, not at each attempt.
  Plan told;
  told.status = plan.status;
  {
    const std::lock_guard lock(mutex_);
    std::string& last = failures_[observed.subject.key()];
    if (last != error.message) told.events = plan.events;
    last = error.message;
  }
  const Result<void> ignored = executor_.report(told, observed.subject);
  static_cast<void>(ignored);  // the attempt failed already, and is repeated
}

}  // namespace bunker::op
