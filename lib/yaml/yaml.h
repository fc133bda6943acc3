// YAML as JSON and back, as kubectl reads and prints it: for Kubernetes' objects and files of the
// same kind. Not for config.yml, whose reader knows lines and keys (registryd/config/yaml.h).
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "lib/base/result.h"

namespace bunker::yaml {

// The documents of a stream, empty ones left out. Plain scalars are typed as in YAML 1.1, as
// kubectl does (so `yes` is true); quoted ones are strings. Anchors, aliases and merge keys work.
// invalid: not YAML (with line and column), a key that is no scalar or there twice, a value that
// JSON cannot hold, more than 4 MiB of text, or aliases that unfold to more than 1,000,000 nodes.
[[nodiscard]] Result<std::vector<nlohmann::json>> read(std::string_view text);

// One document in block style, with a line's end after each line and two spaces a level; strings
// are quoted where they would be read as something else. Keys in the order of the value.
[[nodiscard]] std::string write(const nlohmann::json& value);
[[nodiscard]] std::string write(const nlohmann::ordered_json& value);

}  // namespace bunker::yaml
