// Keeps one certificate issued and handed over: takes over what is on disk, renews it when a reason
// comes up, and keeps the last good one while it cannot. One thread. Owner: the Rotator.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certsidecar/config/config.h"
#include "certsidecar/files/certificate_folder.h"
#include "certsidecar/run/authority_keeper.h"
#include "certsidecar/run/backoff.h"
#include "certsidecar/run/delivery.h"
#include "lib/base/clock.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::certsidecar {

class CertificateKeeper {
 public:
  struct Authorities {
    AuthorityKeeper& issuer;
    AuthorityKeeper& servers;  // whose CAs become ca.crt
    AuthorityKeeper* clients;  // null: none
  };

  CertificateKeeper(CertificateConfig config, Authorities authorities, Logger& log,
                    Metrics& metrics);

  // Reads what an earlier run left in its folder.
  void take_over();

  // Issues where there is a reason, and writes the folders; returns when to look again.
  SystemTime step(SystemTime now);

  // Whether the last step left the folders with a good certificate by the CA that signs, and
  // today's trust.
  [[nodiscard]] bool current() const { return current_; }
  // Whether there is a certificate that is not expired.
  [[nodiscard]] bool usable(SystemTime now) const;
  [[nodiscard]] const CertificateConfig& config() const { return config_; }
  [[nodiscard]] bool uses(const AuthorityKeeper& authority) const;

  // What to hand over by other ways than folders; nullopt: nothing yet.
  [[nodiscard]] std::optional<Delivered> delivered() const;

 private:
  [[nodiscard]] std::vector<std::string> folders() const;
  void adopt_newer(const pki::LeafTarget& target, SystemTime now);
  Result<void> renew(const pki::RenewalReason& reason, SystemTime now);
  [[nodiscard]] bool collect_trust();
  Result<void> publish();
  void fail_with(std::string_view what, const Error& error, SystemTime now);
  void show() const;

  const CertificateConfig config_;
  const Authorities authorities_;
  Logger& log_;
  Metrics& metrics_;
  Backoff backoff_;
  std::optional<Leaf> leaf_;
  TrustFiles trust_;
  bool current_ = false;
};

}  // namespace bunker::certsidecar
