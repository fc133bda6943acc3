#include "operator/api/schema.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"

namespace bunker::v1alpha1 {

using nlohmann::json;

struct Schema::Node {
  std::string type;  // empty: an integer or a string
  std::map<std::string, Node> properties;
  std::unique_ptr<Node> items;   // of an array
  std::unique_ptr<Node> values;  // of a map
  bool open = false;             // an object whose unknown fields stay
  bool is_set = false;
  std::string map_key;
  std::vector<std::string> required;
  json fallback;  // null: no default
  std::vector<std::string> names;
  std::string pattern;
  std::optional<std::regex> regex;
  std::optional<std::int64_t> minimum, maximum;
  std::optional<std::size_t> min_length, max_length, min_items, max_items;
  bool is_time = false;

  explicit Node(const json& schema);
  void apply_defaults(json& value) const;
};

namespace {

constexpr std::size_t kMostProblems = 100;

template <class T>
void take(const json& schema, const char* key, std::optional<T>& out) {
  if (const auto found = schema.find(key); found != schema.end()) out = found->get<T>();
}

// Characters, as Kubernetes counts them.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string type_name(const json& value) {
  if (value.is_number_integer()) return "integer";
  return value.type_name();
}

std::string list_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

Schema::Node::Node(const json& schema) {
  type = schema.value("type", "");
  open = schema.value("x-kubernetes-preserve-unknown-fields", false);
  if (const auto found = schema.find("properties"); found != schema.end()) {
    for (const auto& [name, each] : found->items()) properties.emplace(name, Node(each));
  }
  if (const auto found = schema.find("items"); found != schema.end()) {
    items = std::make_unique<Node>(*found);
  }
  if (const auto found = schema.find("additionalProperties"); found != schema.end()) {
    values = std::make_unique<Node>(*found);
  }
  required = schema.value("required", std::vector<std::string>());
  names = schema.value("enum", std::vector<std::string>());
  pattern = schema.value("pattern", "");
  if (!pattern.empty()) regex.emplace(pattern, std::regex::ECMAScript | std::regex::optimize);
  if (const auto found = schema.find("default"); found != schema.end()) fallback = *found;
  is_set = schema.value("x-kubernetes-list-type", "") == "set";
  map_key = schema.value("x-kubernetes-list-map-keys", std::vector<std::string>{""}).front();
  is_time = schema.value("format", "") == "date-time";
  take(schema, "minimum", minimum);
  take(schema, "maximum", maximum);
  take(schema, "minLength", min_length);
  take(schema, "maxLength", max_length);
  take(schema, "minItems", min_items);
  take(schema, "maxItems", max_items);
}

void Schema::Node::apply_defaults(json& value) const {
  if (value.is_object() && !properties.empty()) {
    for (const auto& [name, child] : properties) {
      auto found = value.find(name);
      if (found != value.end() && found->is_null()) {
        value.erase(found);
        found = value.end();
      }
      if (found == value.end()) {
        if (child.fallback.is_null()) continue;
        found = value.emplace(name, child.fallback).first;
      }
      child.apply_defaults(*found);
    }
  } else if (value.is_array() && items) {
    for (json& each : value) items->apply_defaults(each);
  } else if (value.is_object() && values) {
    for (auto& each : value.items()) values->apply_defaults(each.value());
  }
}

namespace {

template <class Node>
class Checker {
 public:
  std::vector<Problem> take() { return std::move(problems_); }

  void check(const Node& node, const json& value, const std::string& path) {
    if (problems_.size() >= kMostProblems) return;
    if (node.type.empty()) {
      if (!value.is_string() && !value.is_number_integer()) {
        report(path, "must be a number or a string, not " + type_name(value));
      }
    } else if (node.type == "object") {
      check_object(node, value, path);
    } else if (node.type == "array") {
      check_array(node, value, path);
    } else if (node.type == "string") {
      check_string(node, value, path);
    } else if (node.type == "integer") {
      check_integer(node, value, path);
    } else if (!value.is_boolean()) {
      report(path, "must be true or false, not " + type_name(value));
    }
  }

 private:
  void report(const std::string& path, std::string message) {
    problems_.push_back({path.empty() ? "the resource" : path, std::move(message)});
  }

  void check_object(const Node& node, const json& value, const std::string& path) {
    if (!value.is_object()) return report(path, "must be an object, not " + type_name(value));
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const std::string& name : node.required) {
      if (!value.contains(name)) report(prefix + name, "is required");
    }
    for (const auto& [name, each] : value.items()) {
      if (const auto found = node.properties.find(name); found != node.properties.end()) {
        check(found->second, each, prefix + name);
      } else if (node.values) {
        check(*node.values, each, prefix + name);
      } else if (!node.open && !(path.empty() && name == "metadata")) {
        report(prefix + name, "is not a field: see kubectl explain, or docs/registry-resource.md");
      }
    }
  }

  void check_array(const Node& node, const json& value, const std::string& path) {
    if (!value.is_array()) return report(path, "must be a list, not " + type_name(value));
    if (node.min_items && value.size() < *node.min_items) {
      report(path, "must have at least " + std::to_string(*node.min_items) + " entries");
    }
    if (node.max_items && value.size() > *node.max_items) {
      return report(path, "must have at most " + std::to_string(*node.max_items) + " entries");
    }
    std::set<json> seen;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string at = path + "[" + std::to_string(i) + "]";
      check(*node.items, value[i], at);
      if (node.is_set && !seen.insert(value[i]).second) report(at, "is there twice");
      if (!node.map_key.empty() && value[i].is_object() &&
          !seen.insert(value[i].value(node.map_key, json())).second) {
        report(at, "has the same " + node.map_key + " as another");
      }
    }
  }

  void check_string(const Node& node, const json& value, const std::string& path) {
    if (!value.is_string()) return report(path, "must be a string, not " + type_name(value));
    const std::string& text = value.template get_ref<const std::string&>();
    if (!node.names.empty() && std::ranges::find(node.names, text) == node.names.end()) {
      return report(path, "must be one of " + list_names(node.names) + ", not " + text);
    }
    if (node.min_length && length_of(text) < *node.min_length) {
      report(path, "must have at least " + std::to_string(*node.min_length) + " characters");
    }
    if (node.max_length && length_of(text) > *node.max_length) {
      // Not matched as well: std::regex recurses, a long text would take much stack.
      return report(path, "must have at most " + std::to_string(*node.max_length) + " characters");
    }
    if (node.is_time && !parse_rfc3339(text)) report(path, "must be an RFC 3339 time");
    if (node.regex && (text.size() > 4096 || !std::regex_search(text, *node.regex))) {
      report(path, "must match " + node.pattern);
    }
  }

  void check_integer(const Node& node, const json& value, const std::string& path) {
    if (!value.is_number_integer()) {
      return report(path, "must be an integer, not " + type_name(value));
    }
    const bool huge = value.is_number_unsigned() &&
                      value.template get<std::uint64_t>() > std::uint64_t{INT64_MAX};
    const std::int64_t number = huge ? INT64_MAX : value.template get<std::int64_t>();
    if (node.minimum && number < *node.minimum) {
      report(path, "must be at least " + std::to_string(*node.minimum));
    }
    if (node.maximum && number > *node.maximum) {
      report(path, "must be at most " + std::to_string(*node.maximum));
    }
  }

  std::vector<Problem> problems_;
};

}  // namespace

Schema::Schema(std::string_view text) {
  const json schema = json::parse(text, nullptr, false);
  if (!schema.is_object()) throw std::logic_error("not a schema");
  auto root = std::make_unique<Node>(schema);
  for (const char* name : {"apiVersion", "kind"}) {
    root->properties.emplace(name, Node(json{{"type", "string"}}));
  }
  root_ = std::move(root);
}

Schema::~Schema() = default;
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;

void Schema::apply_defaults(json& value) const {
  root_->apply_defaults(value);
}

std::vector<Problem> Schema::check(const json& value) const {
  Checker<Node> checker;
  checker.check(*root_, value, "");
  return checker.take();
}

}  // namespace bunker::v1alpha1
