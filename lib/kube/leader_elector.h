// Keeps one of several equal programs in charge, by a Lease. Leading is never assumed: it ends by
// itself when the lease could not be renewed in time, before anybody else may take it.
// Metric: leader_election_master_status{name}, as client-go has it.
// Thread rule: run() on a thread of its own; the rest any thread. Owner: the composition root.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>

#include "lib/base/clock.h"
#include "lib/kube/client.h"
#include "lib/kube/lease.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::kube {

class LeaderElector {
 public:
  struct Options {
    ObjectKey lease;
    std::string identity;  // of this program alone: "HOSTNAME_UUID"
    LeaseTimes times;
  };

  // `client` should not retry for long: a request must fail well before the renew deadline. All
  // arguments outlive it.
  LeaderElector(Client& client, Options options, const Clock& clock, Logger& log, Metrics& metrics);

  // Competes and renews until `stop` is asked for, then lets go of the lease if it is ours.
  void run(std::stop_token stop);

  // Whether this program leads now. What is begun while it does may take until the lease's
  // duration is over, less the renew deadline (5 s), to reach the API server.
  [[nodiscard]] bool leading() const;
  // Blocks until it leads; false: `stop` was asked for.
  bool wait_until_leading(std::stop_token stop);

 private:
  bool try_once();
  // Reads the lease; whether it may be taken.
  bool look();
  void set_leading_until(SteadyTime until);
  void release();

  Client& client_;
  const Options options_;
  const Clock& clock_;
  Logger& log_;
  Gauge& status_;
  LeaseView view_;  // run()'s thread only
  std::mt19937_64 random_{std::random_device{}()};
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  SteadyTime leading_until_{};
};

}  // namespace bunker::kube
