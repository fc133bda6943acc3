// `certsidecar run` without its processes: looks at the authorities, keeps the certificates, hands
// them over, and says which generation this replica runs; again whenever something changed or is
// due. One thread, but for notify() and what says so. Owner: the composition root.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "certsidecar/authority/store.h"
#include "certsidecar/config/config.h"
#include "certsidecar/run/authority_keeper.h"
#include "certsidecar/run/certificate_keeper.h"
#include "certsidecar/run/delivery.h"
#include "lib/base/clock.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::certsidecar {

class Rotator {
 public:
  // Authority name -> store, one for each authority of the configuration.
  using Stores = std::map<std::string, std::unique_ptr<AuthorityStore>>;

  // `delivery` may be null. What is passed by reference outlives this.
  Rotator(const Config& config, Stores stores, Delivery* delivery, const Clock& clock, Logger& log,
          Metrics& metrics);
  ~Rotator();
  Rotator(const Rotator&) = delete;
  Rotator& operator=(const Rotator&) = delete;

  // One look at everything; returns when the next one is due at the latest.
  SystemTime step();

  // Watches the stores and steps, until `stop` is asked for.
  void run(std::stop_token stop);

  // Something changed: step() soon. Any thread.
  void notify();

  // Every certificate is there and not expired. Any thread; as of the last step.
  [[nodiscard]] bool ready() const noexcept { return ready_.load(); }

 private:
  void deliver();
  void acknowledge(SystemTime now);
  AuthorityKeeper& authority(const std::string& name);

  const std::string name_;
  Delivery* const delivery_;
  const Clock& clock_;
  std::vector<std::unique_ptr<AuthorityKeeper>> authorities_;
  std::vector<std::unique_ptr<CertificateKeeper>> certificates_;
  std::atomic<bool> ready_ = false;
  std::mutex mutex_;
  std::condition_variable_any told_;
  bool notified_ = false;
};

}  // namespace bunker::certsidecar
