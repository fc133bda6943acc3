// A YAML document as a tree of values that remember where they were written. Internal to
// bunker::config: yaml-cpp stops in yaml.cpp, the environment's overrides are merged into the same
// tree, and everything after works on it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bunker::config {

// Where a value comes from: a line of the file, or an environment variable (line 0).
struct Location {
  std::shared_ptr<const std::string> source;
  int line = 0;    // from 1
  int column = 0;  // from 1
};

struct Entry;

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;     // of a scalar, as YAML unquotes it
  bool quoted = false;  // a scalar in quotes or a block: always text, never a number or boolean
  std::vector<Node> items;
  std::vector<Entry> entries;  // names are unique
  Location at;

  [[nodiscard]] const Entry* find(std::string_view name) const;
  [[nodiscard]] Entry* find(std::string_view name);
};

struct Entry {
  std::string name;
  Location at;
  Node value;
};

// The node at "http.tls.key", or nullptr.
[[nodiscard]] const Node* find_path(const Node& root, std::string_view path);

[[nodiscard]] Node make_scalar(std::string text, bool quoted, Location at = {});

}  // namespace bunker::config
