// The rules of leader election on a coordination.k8s.io/v1 Lease, as client-go plays them, so that
// both can compete for one. Pure: time is passed in.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "lib/base/clock.h"
#include "lib/kube/object.h"

namespace bunker::kube {

struct LeaseTimes {
  std::chrono::milliseconds duration{15'000};        // others wait this long for a silent holder
  std::chrono::milliseconds renew_deadline{10'000};  // a holder that cannot renew gives up by then
  std::chrono::milliseconds retry{2'000};
};

// What a candidate knows. A lease is judged by when its change was seen here, not by the times in
// it, so that clocks need not agree.
class LeaseView {
 public:
  explicit LeaseView(std::string identity) : identity_(std::move(identity)) {}

  // What the API server has now; nullopt: there is no lease.
  void observe(const std::optional<Object>& lease, SteadyTime now);

  // Whether this candidate may write itself in: it holds the lease, nobody does, or who does has
  // been silent for the duration that it had promised.
  [[nodiscard]] bool may_take(SteadyTime now) const;
  [[nodiscard]] bool exists() const { return lease_.has_value(); }
  [[nodiscard]] bool held_by_me() const { return holder_ == identity_; }
  [[nodiscard]] const std::string& holder() const { return holder_; }

  // The lease to write: taken or renewed at `time`. Has the observed resourceVersion, so that only
  // one of two candidates succeeds.
  [[nodiscard]] Object taken(const ObjectKey& key, const LeaseTimes& times, SystemTime time) const;
  // The lease to write when leaving, so that the next one need not wait.
  [[nodiscard]] Object released(const ObjectKey& key, SystemTime time) const;

 private:
  [[nodiscard]] Object write(const ObjectKey& key, std::string holder,
                             std::chrono::milliseconds duration, SystemTime time) const;

  std::string identity_;
  std::optional<Object> lease_;
  std::string holder_;
  std::string seen_;  // what the lease said when it last changed
  SteadyTime changed_{};
  std::chrono::milliseconds promised_{0};
};

}  // namespace bunker::kube
