#include "registryd/config/environment.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "registryd/config/suggest.h"
#include "registryd/config/values.h"
#include "registryd/config/yaml.h"

namespace bunker::config {
namespace {

constexpr std::string_view kPrefix = "REGISTRY_";

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('_', start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

// What Kubernetes sets in each pod for a Service whose name begins with "registry":
// …_SERVICE_HOST, …_SERVICE_PORT[_name], …_PORT, …_PORT_5000_TCP[_PROTO|_PORT|_ADDR].
bool is_from_kubernetes(std::span<const std::string_view> parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto rest = parts.subspan(i);
    if (rest[0] == "SERVICE" && rest.size() > 1 && (rest[1] == "HOST" || rest[1] == "PORT")) {
      return true;
    }
    if (rest[0] != "PORT") continue;
    if (rest.size() == 1) return true;
    if (rest.size() > 2 && is_number(rest[1]) &&
        (rest[2] == "TCP" || rest[2] == "UDP" || rest[2] == "SCTP")) {
      return true;
    }
  }
  return false;
}

// REGISTRY_… of every key, to find the one that was meant.
void collect_names(const std::vector<Key>& keys, const std::string& prefix,
                   std::vector<std::string>& names) {
  for (const Key& key : keys) {
    std::string name = prefix + upper(key.name);
    if (key.kind == Kind::section) collect_names(key.children, name + '_', names);
    if (!key.legacy && key.use.status != Status::refused) names.push_back(std::move(name));
  }
}

std::string suggest(const std::vector<Key>& keys, std::string_view name) {
  std::vector<std::string> names;
  collect_names(keys, std::string(kPrefix), names);
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = nearest(name, views);
  return near.empty() ? "docs/configuration.md lists the keys"
                      : "did you mean " + std::string(near) + "?";
}

// One variable on its way into the tree.
class Override {
 public:
  Override(std::string_view name, std::string_view value, const std::vector<Key>& keys,
           std::vector<Finding>& findings)
      : name_(std::make_shared<const std::string>(name)),
        value_(value),
        keys_(keys),
        findings_(findings) {}

  void apply(Node& root) {
    const std::vector<std::string_view> path =
        split(std::string_view(*name_).substr(kPrefix.size()));
    // Names of keys are plain text; what is not would end up in the log's fields, for one.
    const bool is_plain = std::ranges::all_of(*name_, [](char c) { return c > 0x20 && c < 0x7F; });
    if (!is_plain) return report_unknown();
    into_section(root, keys_, path);
  }

 private:
  using Path = std::span<const std::string_view>;

  [[nodiscard]] Location here() const { return {name_, 0, 0}; }

  void report(Severity severity, std::string message, std::string remedy) {
    findings_.push_back({severity, *name_, 0, 0, {}, std::move(message), std::move(remedy)});
  }

  void report_unknown() {
    const std::vector<std::string_view> path =
        split(std::string_view(*name_).substr(kPrefix.size()));
    if (is_from_kubernetes(path)) {
      report(Severity::note, "is ignored: Kubernetes sets it for a Service of this name",
             "`enableServiceLinks: false` in the pod keeps it away");
    } else {
      report(Severity::warning, "is ignored: it names no key of the configuration",
             suggest(keys_, *name_));
    }
  }

  void into_section(Node& node, const std::vector<Key>& keys, Path path) {
    const std::string part = upper(path[0]);
    const auto key = std::ranges::find_if(keys, [&](const Key& candidate) {
      return !part.empty() &&
             (upper(candidate.name) == part || candidate.other_name_in_environment == part);
    });
    if (key == keys.end()) return report_unknown();
    if (key->name == "version" && &keys == &keys_) {
      return report(Severity::warning, "is ignored: the version is the file's own", "unset it");
    }
    if (!become(node, Node::Kind::map)) return;
    into(child(node, std::string(key->name)), *key, path.subspan(1));
  }

  // `node` is the value of `key`; what is left of the name leads on from there.
  void into(Node& node, const Key& key, Path path) {
    if (path.empty()) return assign(node, key);
    switch (key.kind) {
      case Kind::section:
        expand_name(key, node);
        if (path.size() > 1 && !path[0].empty() && upper(path[0]) == key.skipped_in_environment) {
          path = path.subspan(1);
        }
        return into_section(node, key.children, path);
      case Kind::list:
        if (Node* item = item_at(node, path[0])) {
          if (path.size() == 1) return assign(*item, key);
          into_section(*item, key.children, path.subspan(1));
        }
        return;
      case Kind::texts:
      case Kind::headers:
      case Kind::fields:
      case Kind::opaque:
        return into_anything(node, key, path);
      default:
        return report_unknown();  // a plain value holds nothing
    }
  }

  // Where names are free: an index into what is a list, else a name in a map.
  void into_anything(Node& node, const Key& key, Path path) {
    if (path.empty()) return assign(node, key);
    const bool is_list =
        node.kind == Node::Kind::list || key.kind == Kind::texts ||
        (key.kind == Kind::headers && node.kind != Node::Kind::map && is_number(path[0]));
    if (is_list) {
      if (Node* item = item_at(node, path[0])) into_anything(*item, key, path.subspan(1));
      return;
    }
    if (!become(node, Node::Kind::map)) return;
    if (path.size() > 1) {
      for (Entry& entry : node.entries) {
        if (upper(entry.name) == upper(path[0]) && entry.value.kind != Node::Kind::null) {
          return into_anything(entry.value, key, path.subspan(1));
        }
      }
    }
    into_anything(child(node, lower(path[0])), key, path.subspan(1));
  }

  // The value of `name` in the map `node`, made where it is not there.
  Node& child(Node& node, std::string name) {
    if (Entry* entry = node.find(name)) return entry->value;
    Node nothing;
    nothing.at = here();
    return node.entries.emplace_back(Entry{std::move(name), here(), std::move(nothing)}).value;
  }

  Node* item_at(Node& node, std::string_view index_text) {
    if (!become(node, Node::Kind::list)) return nullptr;
    std::size_t index = 0;
    const auto [end, error] =
        std::from_chars(index_text.data(), index_text.data() + index_text.size(), index);
    if (error != std::errc() || end != index_text.data() + index_text.size()) {
      report(Severity::error, in_quotes(index_text) + " is not an index of a list",
             "count the items from 0, as in …_0");
      return nullptr;
    }
    if (index > node.items.size()) {
      report(Severity::error,
             "the list has " + std::to_string(node.items.size()) + " items, there is no number " +
                 std::to_string(index),
             "use " + std::to_string(node.items.size()) + " to add one");
      return nullptr;
    }
    if (index == node.items.size()) node.items.emplace_back().at = here();
    return &node.items[index];
  }

  // Makes nothing the wanted kind. What is of another kind is a mistake of the file, which the
  // reading of the whole will report; the variable has no place then.
  bool become(Node& node, Node::Kind kind) {
    if (node.kind == Node::Kind::null) {
      node = Node{};
      node.kind = kind;
      node.at = here();
    }
    return node.kind == kind;
  }

  void assign(Node& node, const Key& key) {
    std::optional<Node> value = parse_yaml(value_, name_, false, findings_);
    if (!value) return;
    const bool is_text = key.kind == Kind::text || key.kind == Kind::texts;
    if (is_text && !value->quoted && value->text.size() < trimmed().size() &&
        (value->kind == Node::Kind::null || value->kind == Node::Kind::scalar)) {
      report(Severity::warning,
             "is read as YAML, which takes a part of it for a comment or nothing",
             "put the value in quotes of its own: '\"…\"'");
    }
    node = *std::move(value);
    node.at = here();
    expand_name(key, node);
  }

  [[nodiscard]] std::string_view trimmed() const {
    const std::size_t first = value_.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return value_.substr(first, value_.find_last_not_of(" \t\r\n") - first + 1);
  }

  std::shared_ptr<const std::string> name_;
  std::string_view value_;
  const std::vector<Key>& keys_;
  std::vector<Finding>& findings_;
};

}  // namespace

void apply_environment(const Environment& environment, const Key& top, Node& root,
                       std::vector<Finding>& findings) {
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix) || name == kPathVariable) continue;
    Override(name, value, top.children, findings).apply(root);
  }
}

}  // namespace bunker::config
