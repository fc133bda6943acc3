// Who may use the registry, as the configuration says it: builds what checks logins and rules.
// Not for the checks themselves: see registryd/auth. Owner: serve(). Thread-safe once built.
#pragma once

#include <memory>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/auth/guard.h"
#include "registryd/config/config.h"

namespace bunker {

class Admission {
 public:
  Admission(std::unique_ptr<auth::Authenticator> authenticator,
            std::unique_ptr<auth::PolicySource> policies, config::Ping ping);

  // Null: everybody may do everything.
  [[nodiscard]] auth::Guard* guard() const noexcept { return guard_.get(); }
  // Reads passwords, keys and rules again; what became of each file. Blocks.
  std::vector<auth::Reloaded> reload();
  // Null: there is no policy.
  [[nodiscard]] auth::PolicySource* policies() const noexcept { return policies_.get(); }

 private:
  std::unique_ptr<auth::Authenticator> authenticator_;
  std::unique_ptr<auth::PolicySource> policies_;
  std::unique_ptr<auth::Guard> guard_;
};

// not_found, invalid: a file that the configuration names cannot be used. The other arguments
// outlive the result.
[[nodiscard]] Result<std::unique_ptr<Admission>> open_admission(const config::Config& config,
                                                                BlockingPool& pool,
                                                                const Clock& clock, Logger& log,
                                                                Metrics& metrics);

}  // namespace bunker
