// The users of an htpasswd file: its text, and the file as it changes under a running process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

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

// Watches one file without a thread: current() looks at most once a `check_interval` whether the
// file is another one, which one stat() answers, a Kubernetes Secret's symlink swap included. A
// file that is missing, broken or being written keeps the last good users, and says so in the log.
// Thread-safe.
class HtpasswdFile {
 public:
  // not_found, invalid: the file, what is wrong with it and how to make one.
  [[nodiscard]] static Result<std::unique_ptr<HtpasswdFile>> open(
      std::string path, std::chrono::milliseconds check_interval, Logger& log, Metrics& metrics);

  [[nodiscard]] std::shared_ptr<const HtpasswdUsers> current();

 private:
  // What tells one version of the file from another.
  struct Version {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;
    bool operator==(const Version&) const = default;
  };
  struct Loaded {
    Version version;
    HtpasswdUsers users;
  };

  HtpasswdFile(std::string path, std::chrono::milliseconds check_interval, Logger& log,
               Metrics& metrics);
  static Result<Version> stat_version(const std::string& path);
  static Result<Loaded> load(const std::string& path);
  [[nodiscard]] bool settled(const Version& version) const;
  void check();
  void adopt(Loaded loaded);
  void keep_last(const Error& error);

  const std::string path_;
  const std::chrono::milliseconds check_interval_;
  Logger& log_;
  Counter& reloads_;
  Counter& failures_;
  Gauge& users_gauge_;

  std::mutex check_mutex_;  // guards the five below
  std::chrono::steady_clock::time_point next_check_;
  Version version_;                 // of `users_`
  std::optional<Version> pending_;  // seen at the last check, not trusted yet
  std::optional<Version> broken_;   // read and found wrong
  std::string last_failure_;

  std::mutex users_mutex_;
  std::shared_ptr<const HtpasswdUsers> users_;
};

}  // namespace bunker::auth
