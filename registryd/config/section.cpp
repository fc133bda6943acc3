// Reading and printing one level of the schema's tree.
#include <algorithm>
#include <utility>

#include "registryd/config/schema.h"
#include "registryd/config/suggest.h"
#include "registryd/config/values.h"

namespace bunker::config {
namespace {

constexpr std::string_view kHidden = "***";

// Where else a key of this name is at home: "http.addr" for an "addr" that stands elsewhere.
std::string find_elsewhere(const std::vector<Key>& keys, std::string_view name,
                           const std::string& path) {
  for (const Key& key : keys) {
    std::string full = path.empty() ? std::string(key.name) : path + "." + std::string(key.name);
    if (key.name == name && !key.legacy) return full;
    if (key.kind != Kind::section || key.use.status == Status::refused) continue;
    if (std::string found = find_elsewhere(key.children, name, full); !found.empty()) return found;
  }
  return {};
}

void report_unknown(Decoder& in, const Key& section, const Entry& entry) {
  std::vector<std::string_view> names;
  std::string all;
  for (const Key& key : section.children) {
    names.push_back(key.name);
    if (key.legacy) continue;
    if (!all.empty()) all += ", ";
    all += key.name;
  }
  const Decoder::Scope scope(in, printable(entry.name));
  std::string remedy;
  if (const std::string_view near = nearest(entry.name, names); !near.empty()) {
    remedy = "did you mean " + std::string(near) + "?";
  } else if (const std::string found = find_elsewhere(schema().children, entry.name, "");
             !found.empty()) {
    remedy = "did you mean " + found + "?";
  } else {
    remedy = "the keys here are: " + all;
  }
  in.error(entry.at, "is not a key of the configuration", std::move(remedy));
}

bool is_missing(const Entry* entry) {
  return entry == nullptr || entry->value.kind == Node::Kind::null ||
         (entry->value.kind == Node::Kind::scalar && entry->value.text.empty());
}

void read_key(Decoder& in, const Key& key, const Entry& entry, void* owner) {
  const bool active = key.read(in, key, entry.value, owner);
  if (!active) return;
  Node at_key;
  at_key.at = entry.at;
  if (key.use.status == Status::refused) in.refuse(at_key, key.use.why, key.use.remedy);
  if (key.use.status == Status::no_effect && !key.use.why.empty()) {
    in.note(entry.at, std::string(key.use.why), std::string(key.use.remedy));
  }
}

}  // namespace

void expand_name(const Key& key, Node& node) {
  if (!key.name_alone || node.kind != Node::Kind::scalar) return;
  Node map;
  map.kind = Node::Kind::map;
  map.at = node.at;
  Node nothing;
  nothing.at = node.at;
  map.entries.push_back({node.text, node.at, std::move(nothing)});
  node = std::move(map);
}

void read_section(Decoder& in, const Key& section, const Node& node, void* owner) {
  if (!in.expect_map(node)) return;
  for (const Entry& entry : node.entries) {
    const bool known = std::ranges::any_of(section.children,
                                           [&](const Key& key) { return key.name == entry.name; });
    if (!known) report_unknown(in, section, entry);
  }
  // In the schema's order, so that of two names for one member the later one wins.
  for (const Key& key : section.children) {
    const Decoder::Scope scope(in, key.name);
    const Entry* entry = node.find(key.name);
    if (key.required && is_missing(entry)) {
      in.error(entry == nullptr ? node.at : entry->at, "is missing", "give it a value");
    } else if (entry != nullptr) {
      read_key(in, key, *entry, owner);
    }
  }
}

Node print_section(const Key& section, const void* owner) {
  Node map;
  map.kind = Node::Kind::map;
  for (const Key& key : section.children) {
    if (key.legacy) continue;
    std::optional<Node> value = key.print(key, owner);
    if (value && key.kind == Kind::section && value->entries.empty() && !key.children.empty()) {
      continue;
    }
    if (value) map.entries.push_back({std::string(key.name), {}, *std::move(value)});
  }
  return map;
}

namespace detail {

std::optional<Node> print_text(const Key& key, const std::string& text) {
  if (text.empty()) return std::nullopt;
  return make_scalar(key.secret ? std::string(kHidden) : hide_userinfo(text), true);
}

std::optional<Node> print_texts(const Key& key, const std::vector<std::string>& texts) {
  if (texts.empty()) return std::nullopt;
  Node list;
  list.kind = Node::Kind::list;
  for (const std::string& text : texts) {
    list.items.push_back(make_scalar(key.secret ? std::string(kHidden) : text, true));
  }
  return list;
}

std::optional<Node> print_fields(const Key& key, const std::map<std::string, std::string>& fields) {
  if (fields.empty()) return std::nullopt;
  Node map;
  map.kind = Node::Kind::map;
  for (const auto& [name, value] : fields) {
    map.entries.push_back({name, {}, make_scalar(key.secret ? std::string(kHidden) : value, true)});
  }
  return map;
}

std::optional<Node> print_headers(const Key& key, const Headers& headers) {
  if (headers.empty()) return std::nullopt;
  Node map;
  map.kind = Node::Kind::map;
  for (const auto& [name, values] : headers) {
    Node list;
    list.kind = Node::Kind::list;
    if (std::optional<Node> printed = print_texts(key, values)) list = *std::move(printed);
    map.entries.push_back({name, {}, std::move(list)});
  }
  return map;
}

}  // namespace detail

}  // namespace bunker::config
