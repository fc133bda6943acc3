// YAML text to a Node tree, within bounds: the edge of yaml-cpp. Pure; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registryd/config/finding.h"
#include "registryd/config/node.h"

namespace bunker::config {

inline constexpr std::size_t kMaxYamlBytes = 1u << 20;
inline constexpr int kMaxYamlDepth = 32;
inline constexpr std::size_t kMaxYamlNodes = 10'000;  // after aliases are expanded

// The tree of the one document in `text`. `source` is what findings name: the file's path, or an
// environment variable (then `is_file` is false and lines are not counted).
// nullopt: it cannot be read, and `findings` says why. Duplicate keys are found as errors, too, but
// do not stop the reading. Merge keys (`<<`) are resolved.
[[nodiscard]] std::optional<Node> parse_yaml(std::string_view text,
                                             const std::shared_ptr<const std::string>& source,
                                             bool is_file, std::vector<Finding>& findings);

// Block-style YAML that parse_yaml reads back to the same tree.
[[nodiscard]] std::string print_yaml(const Node& root);

}  // namespace bunker::config
