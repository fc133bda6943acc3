#include <cctype>
#include <set>

#include <nlohmann/json.hpp>

#include "bunker/schema/options.pb.h"
#include "proto/generator/outputs.h"

namespace bunker::generator {
namespace {

using Kind = FieldType::Kind;

std::string escape(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string type_text(const FieldType& field) {
  std::string bare;
  if (field.string_map) return field.options->int_or_string() ? "quantities" : "strings by name";
  if (field.options->int_or_string()) {
    bare = "number or string";
  } else if (field.options->duration()) {
    bare = "duration";
  } else if (field.options->time()) {
    bare = "time";
  } else if (field.kind == Kind::enumeration) {
    for (const EnumValue& value : field.enumeration->values) {
      bare += (bare.empty() ? "`" : ", `") + value.name + "`";
    }
  } else if (field.kind == Kind::message) {
    bare = "[" + field.message->name + "](#" + lower(field.message->name) + ")";
  } else {
    bare = field.kind == Kind::string    ? "string"
           : field.kind == Kind::boolean ? "boolean"
           : field.kind == Kind::object  ? "object"
                                         : "integer";
  }
  return field.repeated ? "list of " + bare : bare;
}

std::string default_text(const FieldType& field) {
  if (field.options->required()) return "required";
  const std::string& given = field.options->default_();
  if (!given.empty() && given != "{}") return "`" + given + "`";
  if (field.kind == Kind::enumeration && !field.repeated && !field.optional) {
    return "`" + field.enumeration->values[0].name + "`";
  }
  return "";
}

std::string bounds_text(const FieldType& field) {
  const schema::Field& options = *field.options;
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  if (options.has_minimum() && options.has_maximum()) {
    add(std::to_string(options.minimum()) + " to " + std::to_string(options.maximum()));
  } else if (options.has_minimum()) {
    add("at least " + std::to_string(options.minimum()));
  }
  if (options.has_max_items()) add("at most " + std::to_string(options.max_items()) + " entries");
  if (options.has_max_length()) {
    add("at most " + std::to_string(options.max_length()) + " characters");
  }
  return out.empty() ? "" : " (" + out + ")";
}

std::string rules_text(const MessageType& message) {
  std::string out;
  for (const CelRule& rule : message.rules) out += "- " + rule.message + "\n";
  for (const FieldType& field : message.fields) {
    for (const schema::Rule& rule : field.options->rules()) {
      out += "- `" + field.name + "`: " + rule.message() + "\n";
    }
  }
  return out.empty() ? "" : "\nRefused, with these words:\n\n" + out;
}

std::string table(const MessageType& message) {
  std::string out = "\n| field | type | default | meaning |\n|---|---|---|---|\n";
  for (const FieldType& field : message.fields) {
    out += "| `" + field.name + "` | " + escape(type_text(field)) + " | " +
           escape(default_text(field)) + " | " + escape(field.description + bounds_text(field)) +
           " |\n";
  }
  return out;
}

// Every message once, after the one that first uses it.
void add_message(const MessageType& message, std::set<const MessageType*>& seen, std::string& out) {
  if (!seen.insert(&message).second) return;
  out += std::string(message.resource ? "\n## " : "\n### ") + message.name + "\n";
  if (!message.description.empty()) out += "\n" + message.description + "\n";
  if (message.resource && message.resource->short_names_size() > 0) {
    out += "\n`kubectl get " + message.resource->plural() + "`, or `" +
           message.resource->short_names(0) + "`.\n";
  }
  out += table(message) + rules_text(message);
  for (const FieldType& field : message.fields) {
    if (field.message) add_message(*field.message, seen, out);
  }
}

}  // namespace

std::string reference_markdown(const Model& model) {
  std::string out =
      "# The custom resources\n\n"
      "<!-- Made from proto/bunker/v1alpha1 by `ninja update-crds`; do not edit. -->\n\n"
      "`bunker.dev/v1alpha1`, kept by the operator. The same texts are in `kubectl explain "
      "registry.spec`. Durations are written as `90s`, `1h30m` or `2160h`. A field that is not in\n"
      "these tables is refused.\n";
  std::set<const MessageType*> seen;
  for (const auto& message : model.messages) {
    if (message->resource) add_message(*message, seen, out);
  }
  return out;
}

}  // namespace bunker::generator
