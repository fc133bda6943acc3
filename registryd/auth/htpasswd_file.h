// The users of an htpasswd file: its text, and the file as it changes under a running process.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "registryd/auth/watched_file.h"

namespace bunker::auth {

struct HtpasswdUsers {
  std::map<std::string, std::string, std::less<>> hashes;  // user → bcrypt hash
  std::string decoy;                  // stands in for the hash of a user who does not exist
  std::vector<std::string> warnings;  // entries left out, one sentence each; no hashes
};

// Parses "user:hash" lines; empty ones and those that begin with '#' are skipped. The last entry of
// a user counts. Entries that are not bcrypt, or too costly, are left out with a warning.
// invalid: a line that is no entry, which may be the sign of a file that is being written. Pure.
[[nodiscard]] Result<HtpasswdUsers> parse_htpasswd(std::string_view text);

// The users of a file as it changes under the running process: see WatchedFile. Thread-safe.
class HtpasswdFile {
 public:
  // not_found, invalid: the file, what is wrong with it and how to make one.
  [[nodiscard]] static Result<std::unique_ptr<HtpasswdFile>> open(
      std::string path, std::chrono::milliseconds check_interval, Logger& log, Metrics& metrics);

  [[nodiscard]] std::shared_ptr<const HtpasswdUsers> current();
  // Reads the file now. Blocks.
  Reloaded reload() { return watch_->reload(); }

 private:
  HtpasswdFile(std::string path, Logger& log, Metrics& metrics);
  Result<void> adopt(std::string_view text);

  const std::string path_;
  Logger& log_;
  Gauge& users_gauge_;

  std::mutex users_mutex_;
  std::shared_ptr<const HtpasswdUsers> users_;

  std::unique_ptr<WatchedFile> watch_;  // last: its first reading fills what is above
};

}  // namespace bunker::auth
