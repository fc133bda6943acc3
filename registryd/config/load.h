// Reads a config.yml and the environment's REGISTRY_… overrides, and says everything that is wrong
// with them at once. Pure but for reading the file; any thread.
//
// Not for looking at what the values name: whether a file, a bucket or a host is there is for those
// who use it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "registryd/config/config.h"
#include "registryd/config/finding.h"

namespace bunker::config {

// Names and values, sorted by name.
using Environment = std::map<std::string, std::string>;

inline constexpr std::string_view kPathVariable = "REGISTRY_CONFIGURATION_PATH";

// From `environ`: "NAME=value" strings, ended by nullptr.
[[nodiscard]] Environment make_environment(const char* const* variables);

// Where the configuration is when nobody says: REGISTRY_CONFIGURATION_PATH, else
// /etc/docker/registry/config.yml.
[[nodiscard]] std::string default_path(const Environment& environment);

// What a configuration says and what there is to say about it. `config` is only good for use when
// ok(); otherwise it holds what could be read.
struct Report {
  Config config;
  std::vector<Finding> findings;  // in the order in which they were found

  [[nodiscard]] bool ok() const;  // no finding is an error
};

// `source` is what findings call the text, e.g. the file's path.
[[nodiscard]] Report check(std::string_view text, const std::string& source,
                           const Environment& environment);
// A file that cannot be read is a finding, too.
[[nodiscard]] Report check_file(const std::string& path, const Environment& environment);

struct Loaded {
  Config config;
  std::vector<Finding> findings;  // warnings and notes
};

// check_file, for those who cannot go on with a mistake: invalid, with all findings in the detail.
[[nodiscard]] Result<Loaded> load(const std::string& path, const Environment& environment);
[[nodiscard]] Result<Loaded> parse(std::string_view text, const std::string& source,
                                   const Environment& environment);

// A file of access rules: `rules` and `immutable` as bunker.access has them, `rules` required.
// invalid, with all findings in the detail.
[[nodiscard]] Result<access::PolicyText> parse_policy(std::string_view text,
                                                      const std::string& source);

// The configuration as a config.yml in 3.x's names, defaults written out, secrets as "***".
// Reads back to an equal Config where no secret is set.
[[nodiscard]] std::string print(const Config& config);

}  // namespace bunker::config
