// A file of policy or keys that is read again when it changes under a running process. Without a
// thread of its own: check() is called before each use and looks at most once a `check_interval`
// whether the file is another one, which one stat() answers, a Kubernetes Secret's symlink swap
// included. A file that is missing, broken or being written leaves in use what was good last, and
// the log says so, once.
// Thread-safe. Owner: whoever owns what `adopt` fills.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::auth {

// What became of a file that was to be read again.
struct Reloaded {
  std::string what, path;
  Result<void> result;  // an error: why what was good last stays in use
};

class WatchedFile {
 public:
  struct Options {
    std::string path;
    std::string what;    // for messages: "password file"
    std::string remedy;  // what to do where it is missing; may be empty
    std::string metric;  // counts reloads, with the label result: ok or failed
    std::string metric_help;
    std::size_t max_bytes = 1u << 20;
    std::chrono::milliseconds check_interval{1000};
  };

  // Puts the text of the file to use. invalid: it cannot be used; nothing has changed then.
  // Called by one thread at a time.
  using Adopt = std::function<Result<void>(std::string_view text)>;

  // Reads the file for the first time. not_found, invalid, too_large: the message names the file
  // and says what is wrong. `log` and `metrics` outlive it.
  [[nodiscard]] static Result<std::unique_ptr<WatchedFile>> open(Options options, Adopt adopt,
                                                                 Logger& log, Metrics& metrics);

  // Reads the file again where it has changed. Cheap otherwise.
  void check();
  // Reads the file now, whether it has changed or not. Blocks.
  Reloaded reload();

 private:
  // What tells one version of the file from another.
  struct Version {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;
    bool operator==(const Version&) const = default;
  };

  WatchedFile(Options options, Adopt adopt, Logger& log, Metrics& metrics);
  [[nodiscard]] Error file_error(int error) const;
  [[nodiscard]] Result<Version> stat_version() const;
  [[nodiscard]] Result<std::string> read_whole(int fd, std::size_t expected) const;
  // Reads and adopts; the version that is now in use.
  [[nodiscard]] Result<Version> load() const;
  [[nodiscard]] bool settled(const Version& version) const;
  void look();
  void take(const Version& version);  // which has been adopted
  void keep_last(const Error& error);

  const Options options_;
  const Adopt adopt_;
  Logger& log_;
  Counter& reloads_;
  Counter& failures_;

  std::mutex mutex_;  // guards what follows
  std::chrono::steady_clock::time_point next_check_;
  Version version_;                 // in use
  std::optional<Version> pending_;  // seen at the last check, not trusted yet
  std::optional<Version> broken_;   // read and found wrong
  std::string last_failure_;
};

}  // namespace bunker::auth
