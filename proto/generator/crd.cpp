#include <nlohmann/json.hpp>

#include "bunker/schema/options.pb.h"
#include "lib/yaml/yaml.h"
#include "proto/generator/outputs.h"

namespace bunker::generator {
namespace {

using nlohmann::ordered_json;
using Kind = FieldType::Kind;

constexpr std::string_view kDuration = R"(^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$)";
constexpr int kDurationLength = 24;

ordered_json int_or_string() {
  return {{"anyOf", {{{"type", "integer"}}, {{"type", "string"}}}},
          {"x-kubernetes-int-or-string", true}};
}

// The schema of one value of the field, without what belongs to the list around it.
ordered_json value_schema(const FieldType& field, bool descriptions) {
  if (field.options->int_or_string()) return int_or_string();
  switch (field.kind) {
    case Kind::string:
      return {{"type", "string"}};
    case Kind::boolean:
      return {{"type", "boolean"}};
    case Kind::int32:
      return {{"type", "integer"}, {"format", "int32"}};
    case Kind::int64:
      return {{"type", "integer"}, {"format", "int64"}};
    case Kind::enumeration: {
      ordered_json names = ordered_json::array();
      for (const EnumValue& value : field.enumeration->values) names.push_back(value.name);
      return {{"type", "string"}, {"enum", names}};
    }
    case Kind::message: {
      ordered_json out = schema_of(*field.message, descriptions);
      out.erase("description");
      return out;
    }
    case Kind::object:
      return {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  }
  return {};
}

void add_bounds(const schema::Field& options, ordered_json& out) {
  if (options.has_minimum()) out["minimum"] = options.minimum();
  if (options.has_maximum()) out["maximum"] = options.maximum();
  if (options.has_min_length()) out["minLength"] = options.min_length();
  if (options.has_max_length()) out["maxLength"] = options.max_length();
  if (!options.pattern().empty()) out["pattern"] = options.pattern();
  if (options.duration()) {
    out["maxLength"] = kDurationLength;
    out["pattern"] = kDuration;
  }
  if (options.time()) out["format"] = "date-time";
}

void add_list(const schema::Field& options, ordered_json& out) {
  if (options.has_min_items()) out["minItems"] = options.min_items();
  if (options.has_max_items()) out["maxItems"] = options.max_items();
  if (!options.list_key().empty()) {
    out["x-kubernetes-list-type"] = "map";
    out["x-kubernetes-list-map-keys"] = {options.list_key()};
  } else {
    out["x-kubernetes-list-type"] = options.list_set() ? "set" : "atomic";
  }
}

// What the value is where it is not given, if that is to be seen in the object.
void add_default(const FieldType& field, ordered_json& out) {
  if (!field.options->default_().empty()) {
    out["default"] = ordered_json::parse(field.options->default_());
  } else if (field.kind == Kind::enumeration && !field.repeated && !field.optional &&
             !field.options->required()) {
    out["default"] = field.enumeration->values.front().name;
  }
}

template <class Rules>
ordered_json cel(const Rules& rules) {
  ordered_json out = ordered_json::array();
  for (const auto& each : rules) out.push_back({{"rule", each.rule}, {"message", each.message}});
  return out;
}

ordered_json field_schema(const FieldType& field, bool descriptions) {
  ordered_json out;
  if (field.string_map) {
    ordered_json values =
        field.options->int_or_string() ? int_or_string() : ordered_json{{"type", "string"}};
    out = {{"type", "object"}, {"additionalProperties", std::move(values)}};
  } else {
    ordered_json value = value_schema(field, descriptions);
    add_bounds(*field.options, value);
    if (field.repeated) {
      out = {{"type", "array"}, {"items", std::move(value)}};
      add_list(*field.options, out);
    } else {
      out = std::move(value);
    }
  }
  add_default(field, out);
  if (descriptions) out["description"] = field.description;
  std::vector<CelRule> rules;
  for (const schema::Rule& rule : field.options->rules()) {
    rules.push_back({rule.rule(), rule.message()});
  }
  if (!rules.empty()) out["x-kubernetes-validations"] = cel(rules);
  return out;
}

ordered_json column_json(const schema::Column& column) {
  ordered_json out = {{"name", column.name()}, {"type", column.type()}};
  if (!column.format().empty()) out["format"] = column.format();
  if (!column.description().empty()) out["description"] = column.description();
  if (column.priority() != 0) out["priority"] = column.priority();
  out["jsonPath"] = column.path();
  return out;
}

template <class Strings>
ordered_json list_of(const Strings& strings) {
  ordered_json out = ordered_json::array();
  for (const std::string& each : strings) out.push_back(each);
  return out;
}

ordered_json version_json(const MessageType& message) {
  ordered_json schema = schema_of(message, true);
  ordered_json properties = {{"apiVersion", {{"type", "string"}}},
                             {"kind", {{"type", "string"}}},
                             {"metadata", {{"type", "object"}}}};
  for (auto& [name, property] : schema["properties"].items()) properties[name] = property;
  schema["properties"] = std::move(properties);

  ordered_json subresources = {{"status", ordered_json::object()}};
  if (message.resource->scale()) {
    subresources["scale"] = {{"specReplicasPath", ".spec.replicas"},
                             {"statusReplicasPath", ".status.replicas"},
                             {"labelSelectorPath", ".status.selector"}};
  }
  ordered_json columns = ordered_json::array();
  for (const schema::Column& column : message.resource->columns()) {
    columns.push_back(column_json(column));
  }
  return {{"name", "v1alpha1"},
          {"served", true},
          {"storage", true},
          {"subresources", std::move(subresources)},
          {"additionalPrinterColumns", std::move(columns)},
          {"schema", {{"openAPIV3Schema", std::move(schema)}}}};
}

}  // namespace

ordered_json schema_of(const MessageType& message, bool descriptions) {
  ordered_json out = {{"type", "object"}};
  if (descriptions && !message.description.empty()) out["description"] = message.description;
  ordered_json properties = ordered_json::object();
  ordered_json required = ordered_json::array();
  for (const FieldType& field : message.fields) {
    properties[field.name] = field_schema(field, descriptions);
    if (field.options->required()) required.push_back(field.name);
  }
  out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = std::move(required);
  if (!message.rules.empty()) out["x-kubernetes-validations"] = cel(message.rules);
  return out;
}

std::string crd_yaml(const MessageType& message) {
  const schema::Resource& resource = *message.resource;
  const ordered_json crd = {{"apiVersion", "apiextensions.k8s.io/v1"},
                            {"kind", "CustomResourceDefinition"},
                            {"metadata", {{"name", resource.plural() + ".bunker.dev"}}},
                            {"spec",
                             {{"group", "bunker.dev"},
                              {"scope", "Namespaced"},
                              {"names",
                               {{"kind", message.name},
                                {"listKind", message.name + "List"},
                                {"plural", resource.plural()},
                                {"singular", resource.singular()},
                                {"shortNames", list_of(resource.short_names())},
                                {"categories", list_of(resource.categories())}}},
                              {"versions", ordered_json::array({version_json(message)})}}}};
  return "# Made from proto/bunker/v1alpha1 by `ninja update-crds`; do not edit.\n" +
         yaml::write(crd);
}

}  // namespace bunker::generator
