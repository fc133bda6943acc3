// The builders with which the schema describes its keys, one for each kind of value: each ties a
// name to a member of a struct, so that the compiler checks what the table says. Internal to
// bunker::config, for schema.cpp and schema_backends.cpp only. Pure.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registryd/config/decoder.h"
#include "registryd/config/schema.h"
#include "registryd/config/values.h"

namespace bunker::config {

// A Key whose member is one of Owner's: what keeps the tree type-safe while it is built.
template <class Owner>
struct Field {
  Key key;
};

namespace detail {

template <class Owner>
std::vector<Key> keys_of(std::vector<Field<Owner>> fields) {
  std::vector<Key> keys;
  keys.reserve(fields.size());
  for (Field<Owner>& field : fields) keys.push_back(std::move(field.key));
  return keys;
}

// `read` turns a node into std::optional<T>, reporting what is wrong; `print` the other way round.
template <class Owner, class T, class Read, class Print>
Field<Owner> value(Kind kind, std::string_view name, T Owner::* member, Use use, Read read,
                   Print print) {
  Key key{.name = name, .kind = kind, .use = use};
  key.read = [member, read = std::move(read)](Decoder& in, const Key& self, const Node& node,
                                              void* owner) {
    T& target = static_cast<Owner*>(owner)->*member;
    if (auto value = read(in, self, node)) target = *std::move(value);
    return !(target == Owner{}.*member);
  };
  key.print = [member, print = std::move(print)](const Key& self,
                                                 const void* owner) -> std::optional<Node> {
    const T& source = static_cast<const Owner*>(owner)->*member;
    if (self.use.status != Status::honoured && source == Owner{}.*member) return std::nullopt;
    return print(self, source);
  };
  return {std::move(key)};
}

std::optional<Node> print_text(const Key& key, const std::string& text);
std::optional<Node> print_texts(const Key& key, const std::vector<std::string>& texts);
std::optional<Node> print_fields(const Key& key, const std::map<std::string, std::string>& fields);
std::optional<Node> print_headers(const Key& key, const Headers& headers);

template <class T>
bool is_active(const T& value, const T& fallback) {
  return !(value == fallback);
}
// A list of things that can be disabled one by one counts only those that are not.
template <class T>
bool any_active(const std::vector<T>& values) {
  for (const T& value : values) {
    if constexpr (requires { value.disabled; }) {
      if (!value.disabled) return true;
    } else {
      return true;
    }
  }
  return false;
}

}  // namespace detail

// --- the builders, one for each kind of value ----------------------------------------------------

// T: bool, or std::optional<bool> where "not given" is neither.
template <class Owner, class T>
  requires std::same_as<T, bool> || std::same_as<T, std::optional<bool>>
Field<Owner> flag(std::string_view name, T Owner::* member, Use use = kHonoured,
                  Quotes quotes = Quotes::refused) {
  return detail::value(
      Kind::flag, name, member, use,
      [quotes](Decoder& in, const Key&, const Node& node) { return in.flag(node, quotes); },
      [](const Key&, const T& value) -> std::optional<Node> {
        if constexpr (std::same_as<T, bool>) {
          return make_scalar(value ? "true" : "false", false);
        } else {
          if (!value) return std::nullopt;
          return make_scalar(*value ? "true" : "false", false);
        }
      });
}

template <class Owner>
Field<Owner> number(std::string_view name, std::int64_t Owner::* member, Use use, NumberRule rule) {
  return detail::value(
      Kind::number, name, member, use,
      [rule](Decoder& in, const Key&, const Node& node) { return in.number(node, rule); },
      [](const Key&, std::int64_t value) -> std::optional<Node> {
        return make_scalar(std::to_string(value), false);
      });
}

// T: Duration, or std::optional<Duration> where "not given" differs from every duration.
template <class Owner, class T>
  requires std::same_as<T, Duration> || std::same_as<T, std::optional<Duration>>
Field<Owner> duration(std::string_view name, T Owner::* member, Use use = kHonoured,
                      DurationRule rule = {}) {
  return detail::value(
      Kind::duration, name, member, use,
      [rule](Decoder& in, const Key&, const Node& node) { return in.duration(node, rule); },
      [](const Key&, const T& value) -> std::optional<Node> {
        if constexpr (std::same_as<T, Duration>) {
          return make_scalar(format_duration(value), false);
        } else {
          if (!value) return std::nullopt;
          return make_scalar(format_duration(*value), false);
        }
      });
}

template <class Owner>
Field<Owner> bytes(std::string_view name, std::uint64_t Owner::* member, Use use, BytesRule rule) {
  return detail::value(
      Kind::bytes, name, member, use,
      [rule](Decoder& in, const Key&, const Node& node) { return in.bytes(node, rule); },
      [](const Key&, std::uint64_t value) -> std::optional<Node> {
        return make_scalar(std::to_string(value), false);
      });
}

template <class Owner>
Field<Owner> text(std::string_view name, std::string Owner::* member, Use use = kHonoured,
                  TextCheck check = nullptr) {
  return detail::value(
      Kind::text, name, member, use,
      [check](Decoder& in, const Key& self, const Node& node) {
        return in.text(node, check, self.secret);
      },
      detail::print_text);
}

template <class Owner>
Field<Owner> texts(std::string_view name, std::vector<std::string> Owner::* member,
                   Use use = kHonoured, TextCheck check = nullptr) {
  return detail::value(
      Kind::texts, name, member, use,
      [check](Decoder& in, const Key&, const Node& node) { return in.texts(node, check); },
      detail::print_texts);
}

// One text that names several: "a:1,b:2".
template <class Owner>
Field<Owner> joined_texts(std::string_view name, std::vector<std::string> Owner::* member, Use use,
                          TextCheck check) {
  return detail::value(
      Kind::text, name, member, use,
      [check](Decoder& in, const Key&, const Node& node) { return in.joined_texts(node, check); },
      detail::print_texts);
}

template <class Owner>
Field<Owner> fields(std::string_view name, std::map<std::string, std::string> Owner::* member,
                    Use use = kHonoured) {
  return detail::value(
      Kind::fields, name, member, use,
      [](Decoder& in, const Key&, const Node& node) { return in.fields(node); },
      detail::print_fields);
}

template <class Owner>
Field<Owner> headers(std::string_view name, Headers Owner::* member, Use use = kHonoured) {
  return detail::value(
      Kind::headers, name, member, use,
      [](Decoder& in, const Key& self, const Node& node) { return in.headers(node, self.secret); },
      detail::print_headers);
}

template <class E>
struct Option {
  std::string_view name;
  E value;
  Use use = {};  // a value may be refused where its key is not
};

// The values are not case-sensitive, as in distribution.
template <class Owner, class E>
Field<Owner> choice(std::string_view name, E Owner::* member, Use use,
                    const std::vector<Option<E>>& options) {
  Field<Owner> field = detail::value(
      Kind::choice, name, member, use,
      [options](Decoder& in, const Key& self, const Node& node) -> std::optional<E> {
        const std::optional<std::size_t> index = in.choice(node, self.allowed);
        if (!index) return std::nullopt;
        const Option<E>& option = options[*index];
        if (option.use.status == Status::refused)
          in.refuse(node, option.use.why, option.use.remedy);
        return option.value;
      },
      [options](const Key&, const E& value) -> std::optional<Node> {
        for (const Option<E>& option : options) {
          if (option.value == value) return make_scalar(std::string(option.name), true);
        }
        return std::nullopt;
      });
  for (const Option<E>& option : options) field.key.allowed.push_back(option.name);
  return field;
}

template <class Owner, class Part>
Field<Owner> section(std::string_view name, Part Owner::* member, Use use,
                     std::vector<Field<Part>> children) {
  Key key{.name = name,
          .kind = Kind::section,
          .use = use,
          .children = detail::keys_of(std::move(children))};
  key.read = [member](Decoder& in, const Key& self, const Node& node, void* owner) {
    Part& part = static_cast<Owner*>(owner)->*member;
    read_section(in, self, node, &part);
    return !(part == Part{});
  };
  key.print = [member](const Key& self, const void* owner) -> std::optional<Node> {
    const Part& part = static_cast<const Owner*>(owner)->*member;
    if (self.use.status != Status::honoured && part == Part{}) return std::nullopt;
    return print_section(self, &part);
  };
  return {std::move(key)};
}

// A part that is there or not, whatever it holds: a driver, a way of authentication.
template <class Owner, class Part>
Field<Owner> section(std::string_view name, std::optional<Part> Owner::* member, Use use,
                     std::vector<Field<Part>> children) {
  Key key{.name = name,
          .kind = Kind::section,
          .use = use,
          .children = detail::keys_of(std::move(children))};
  key.read = [member](Decoder& in, const Key& self, const Node& node, void* owner) {
    Part& part = (static_cast<Owner*>(owner)->*member).emplace();
    read_section(in, self, node, &part);
    return true;
  };
  key.print = [member](const Key& self, const void* owner) -> std::optional<Node> {
    const std::optional<Part>& part = static_cast<const Owner*>(owner)->*member;
    if (!part) return std::nullopt;
    return print_section(self, &*part);
  };
  return {std::move(key)};
}

// A section whose keys fill members of the struct around it.
template <class Owner>
Field<Owner> group(std::string_view name, std::vector<Field<Owner>> children) {
  Key key{.name = name, .kind = Kind::section, .children = detail::keys_of(std::move(children))};
  key.read = [](Decoder& in, const Key& self, const Node& node, void* owner) {
    read_section(in, self, node, owner);
    return false;  // each child answers for itself
  };
  key.print = [](const Key& self, const void* owner) -> std::optional<Node> {
    return print_section(self, owner);
  };
  return {std::move(key)};
}

template <class Owner, class Part>
Field<Owner> list(std::string_view name, std::vector<Part> Owner::* member, Use use,
                  std::vector<Field<Part>> children) {
  Key key{.name = name,
          .kind = Kind::list,
          .use = use,
          .children = detail::keys_of(std::move(children))};
  key.read = [member](Decoder& in, const Key& self, const Node& node, void* owner) {
    std::vector<Part>& parts = static_cast<Owner*>(owner)->*member;
    parts.clear();
    in.each_item(node,
                 [&](const Node& item) { read_section(in, self, item, &parts.emplace_back()); });
    return detail::any_active(parts);
  };
  key.print = [member](const Key& self, const void* owner) -> std::optional<Node> {
    const std::vector<Part>& parts = static_cast<const Owner*>(owner)->*member;
    if (parts.empty()) return std::nullopt;
    Node node;
    node.kind = Node::Kind::list;
    for (const Part& part : parts) node.items.push_back(print_section(self, &part));
    return node;
  };
  return {std::move(key)};
}

// Not looked into: what it holds is some other program's matter.
template <class Owner>
Field<Owner> opaque(std::string_view name, Use use) {
  Key key{.name = name, .kind = Kind::opaque, .use = use};
  key.read = [](Decoder&, const Key&, const Node&, void*) { return true; };
  key.print = [](const Key&, const void*) { return std::nullopt; };
  return {std::move(key)};
}

// A key whose member lies one struct deeper than its section.
template <class Owner, class Part>
Field<Owner> within(Part Owner::* member, Field<Part> field) {
  Key key = std::move(field.key);
  key.read = [member, read = std::move(key.read)](Decoder& in, const Key& self, const Node& node,
                                                  void* owner) {
    return read(in, self, node, &(static_cast<Owner*>(owner)->*member));
  };
  key.print = [member, print = std::move(key.print)](const Key& self, const void* owner) {
    return print(self, &(static_cast<const Owner*>(owner)->*member));
  };
  return {std::move(key)};
}

template <class Owner>
Field<Owner> secret(Field<Owner> field) {
  field.key.secret = true;
  return field;
}
template <class Owner>
Field<Owner> legacy(Field<Owner> field) {
  field.key.legacy = true;
  return field;
}
template <class Owner>
Field<Owner> required(Field<Owner> field) {
  field.key.required = true;
  return field;
}
template <class Owner>
Field<Owner> name_alone(Field<Owner> field) {
  field.key.name_alone = true;
  return field;
}
template <class Owner>
Field<Owner> in_environment(std::string_view other_name, Field<Owner> field) {
  field.key.other_name_in_environment = other_name;
  return field;
}
template <class Owner>
Field<Owner> skip_in_environment(std::string_view part, Field<Owner> field) {
  field.key.skipped_in_environment = part;
  return field;
}

}  // namespace bunker::config
