// The keys for tokens as they are in their files now: see WatchedFile. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "registryd/auth/token_keys.h"
#include "registryd/auth/watched_file.h"

namespace bunker::auth {

class TokenKeySource {
 public:
  struct Paths {
    std::string bundle, key_set;  // at least one is set
  };
  // not_found, invalid: a file cannot be used. One that turns bad later leaves what was good last.
  [[nodiscard]] static Result<std::unique_ptr<TokenKeySource>> open(
      const Paths& paths, std::chrono::milliseconds check_interval, Logger& log, Metrics& metrics);

  // Never null.
  [[nodiscard]] std::shared_ptr<const TokenKeys> current();
  // Reads the files now. Blocks.
  std::vector<Reloaded> reload();

 private:
  explicit TokenKeySource(Logger& log) : log_(log) {}
  Result<void> adopt_bundle(std::string_view text);
  Result<void> adopt_key_set(std::string_view text);

  Logger& log_;
  std::mutex mutex_;
  TrustedCertificates certificates_;
  TrustedKeySet key_set_;
  std::shared_ptr<const TokenKeys> keys_;  // of the two above

  std::unique_ptr<WatchedFile> bundle_, key_set_file_;  // last: they fill what is above
};

}  // namespace bunker::auth
