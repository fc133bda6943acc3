// Knows one authority as it is in its store, and drives its rotation and lists where this replica
// is the one to. What was read last stays known while the store is out of reach. One thread. Owner:
// the Rotator.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "certsidecar/authority/store.h"
#include "certsidecar/config/config.h"
#include "certsidecar/run/backoff.h"
#include "lib/base/clock.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/pki/authority_set.h"

namespace bunker::certsidecar {

class AuthorityKeeper {
 public:
  // All but the configuration and the store outlive it.
  AuthorityKeeper(AuthorityConfig config, std::unique_ptr<AuthorityStore> store, Logger& log,
                  Metrics& metrics);

  // Looks, decides, acts; returns when to look again at the latest.
  SystemTime step(SystemTime now);

  // Null: it could not be read yet.
  [[nodiscard]] const pki::AuthoritySet* set() const { return set_ ? &*set_ : nullptr; }
  [[nodiscard]] AuthorityStore& store() { return *store_; }
  [[nodiscard]] const std::string& name() const { return config_.name; }

  // Notes a client certificate that is about to be handed out. Errors as update_authority().
  [[nodiscard]] Result<void> record(const std::string& name, const pki::Certificate& certificate,
                                    SystemTime now);
  // This replica runs the generation that set() has. Repeated as a sign of life.
  void acknowledge(const std::string& replica, SystemTime now);

 private:
  Result<void> look(SystemTime now);
  Result<bool> drive(pki::AuthoritySet& set, SystemTime now);
  Result<void> take(pki::AuthoritySet& set, const pki::RotationStep& step, SystemTime now);
  void warn();
  void show(SystemTime now);

  const AuthorityConfig config_;
  const std::unique_ptr<AuthorityStore> store_;
  Logger& log_;
  Metrics& metrics_;
  Backoff backoff_;
  std::optional<pki::AuthoritySet> set_;
  SystemTime next_look_;
  std::string warned_;
  std::uint64_t acknowledged_ = 0;
  SystemTime acknowledged_at_;
};

}  // namespace bunker::certsidecar
