// How a key of config.yml is described. A Key knows its name, kind, status and how to read a Node
// into its member and print it back; the environment's overrides, the checks, the documentation's
// test and the printing all walk the same tree of Keys, which schema.cpp builds with builders.h.
// Internal to bunker::config. Immutable once built; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registryd/config/decoder.h"
#include "registryd/config/node.h"

namespace bunker::config {

enum class Status {
  honoured,
  no_effect,  // accepted, changes nothing here
  refused,    // would change behaviour and is not there: an error where it differs from its default
};

struct Use {
  Status status = Status::honoured;
  std::string_view why = {};     // refused: what is not there. no_effect: a note, where not empty
  std::string_view remedy = {};  // what to do instead
};

inline constexpr Use kHonoured{};
constexpr Use no_effect(std::string_view why = {}, std::string_view remedy = {}) {
  return {Status::no_effect, why, remedy};
}
constexpr Use refused(std::string_view why, std::string_view remedy) {
  return {Status::refused, why, remedy};
}

enum class Kind {
  flag,
  number,
  duration,
  bytes,
  text,
  choice,
  texts,    // a list of texts
  fields,   // a map of free names to one text each
  headers,  // a map of free names to lists of texts
  section,  // a map of `children`
  list,     // a list of maps of `children`
  opaque,   // anything, not looked at
};

struct Key {
  std::string_view name;
  // Distribution's variables are named after its fields, a few of which differ from their keys.
  std::string_view other_name_in_environment = {};
  Kind kind = Kind::opaque;
  Use use;
  bool secret = false;      // its value is never shown
  bool legacy = false;      // another name for a key: read, never printed
  bool required = false;    // within its section, where that is present
  bool name_alone = false;  // "storage: inmemory" stands for "storage: {inmemory: }"
  // A part of a variable's name that may stand before the children's and means nothing.
  std::string_view skipped_in_environment = {};
  std::vector<std::string_view> allowed;  // of a choice
  std::vector<Key> children;
  // Reads `node` into the struct at `owner`; true when the member then differs from its default
  // (for optional parts: when it is there at all).
  std::function<bool(Decoder&, const Key&, const Node&, void* owner)> read;
  // The member as a node; nullopt where there is nothing to print.
  std::function<std::optional<Node>(const Key&, const void* owner)> print;
};

// The whole table: a nameless section whose children are the keys at the top of a config.yml, of
// the struct Config. Defined in schema.cpp.
[[nodiscard]] const Key& schema();

// The keys of a file of access rules, of the struct Access.
[[nodiscard]] const Key& policy_schema();

// Reads the map `node` into the struct at `owner`: unknown keys, missing ones and refusals
// included.
void read_section(Decoder& in, const Key& section, const Node& node, void* owner);
// The members of `owner` under their keys, as a map; secrets as "***".
[[nodiscard]] Node print_section(const Key& section, const void* owner);
// "storage: inmemory" to "storage: {inmemory: }", where `key` allows it.
void expand_name(const Key& key, Node& node);

}  // namespace bunker::config
