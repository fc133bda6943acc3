// The Kubernetes cluster that a sidecar's Secrets are in: the connection to its API, and the Lease
// that says which replica drives rotation. Owner: the composition root; outlives its stores.
#pragma once

#include <memory>
#include <string>

#include "certsidecar/authority/store.h"
#include "certsidecar/config/config.h"
#include "lib/base/clock.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::certsidecar {

class Cluster {
 public:
  // The pod's own cluster, or $KUBECONFIG's. Competes for the lease at once. What is passed by
  // reference outlives it. not_found: there is no cluster to be found.
  [[nodiscard]] static Result<std::unique_ptr<Cluster>> connect(const Config& config,
                                                                const Clock& clock, Logger& log,
                                                                Metrics& metrics);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] std::unique_ptr<AuthorityStore> open(const AuthorityConfig& authority);

  // Ends what waits for the API server. Idempotent.
  void stop();

 private:
  struct Impl;
  explicit Cluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::certsidecar
