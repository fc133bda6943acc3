// The policy in force: one for good, or that of a file which is read again when it changes, so that
// a rule that is taken away is gone with the next request.
// Thread-safe. Owner: the composition root.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "registryd/access/policy.h"
#include "registryd/auth/watched_file.h"

namespace bunker::auth {

class PolicySource {
 public:
  explicit PolicySource(access::Policy policy);

  using Parse = std::function<Result<access::PolicyText>(std::string_view text)>;
  struct FileOptions {
    std::string path;
    Parse parse;                                     // of the file's text
    std::chrono::milliseconds check_interval{1000};  // how often the file is looked at, at most
  };
  // not_found, invalid: the file cannot be used. A file that turns bad later leaves the last good
  // policy in force, and says so. `log` and `metrics` outlive the source.
  [[nodiscard]] static Result<std::unique_ptr<PolicySource>> open(FileOptions options, Logger& log,
                                                                  Metrics& metrics);

  // Never null.
  [[nodiscard]] std::shared_ptr<const access::Policy> current();
  // Reads the file now; nullopt: there is none. Blocks.
  std::optional<Reloaded> reload();

 private:
  PolicySource() = default;
  void set(access::Policy policy);

  std::mutex mutex_;
  std::shared_ptr<const access::Policy> policy_;
  std::unique_ptr<WatchedFile> watch_;  // null: the policy stays. Last: it fills what is above
};

}  // namespace bunker::auth
