#include <nlohmann/json.hpp>

#include "bunker/schema/options.pb.h"
#include "proto/generator/outputs.h"

namespace bunker::generator {
namespace {

using nlohmann::ordered_json;
using Kind = FieldType::Kind;

bool is_json(const FieldType& field) {
  return field.options->passthrough() || field.options->int_or_string();
}

std::string bare_type(const FieldType& field) {
  if (is_json(field)) return "nlohmann::json";
  switch (field.kind) {
    case Kind::string:
      return "std::string";
    case Kind::boolean:
      return "bool";
    case Kind::int32:
    case Kind::int64:
      return "std::int64_t";
    case Kind::enumeration:
      return field.enumeration->cpp_name;
    case Kind::message:
      return field.message->cpp_name;
    case Kind::object:
      return "nlohmann::json";
  }
  return {};
}

bool is_optional(const FieldType& field) {
  if (is_json(field)) return false;
  if (field.kind == Kind::message) {
    return field.options->default_().empty() && !field.options->required();
  }
  return field.optional;
}

std::string cpp_type(const FieldType& field) {
  if (is_json(field)) return "nlohmann::json";
  if (field.string_map) return "std::map<std::string, std::string>";
  if (field.repeated) return "std::vector<" + bare_type(field) + ">";
  if (is_optional(field)) return "std::optional<" + bare_type(field) + ">";
  return bare_type(field);
}

std::string initialiser(const FieldType& field) {
  if (is_json(field) || field.repeated || field.string_map || is_optional(field)) return "";
  const std::string& given = field.options->default_();
  switch (field.kind) {
    case Kind::string:
      return given.empty() ? "" : " = " + given;
    case Kind::boolean:
      return " = " + (given.empty() ? std::string("false") : given);
    case Kind::int32:
    case Kind::int64:
      return " = " + (given.empty() ? std::string("0") : given);
    case Kind::enumeration:
      return " = " + field.enumeration->cpp_name + "::" + field.enumeration->values[0].cpp_name;
    default:
      return "";
  }
}

std::string comment(const std::string& text, std::string_view indent) {
  constexpr std::size_t kWidth = 98;
  std::string out;
  std::string line;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(' ', start), text.size());
    const std::string word = text.substr(start, end - start);
    if (!line.empty() && indent.size() + 4 + line.size() + word.size() > kWidth) {
      out += std::string(indent) + "// " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    start = end + 1;
  }
  if (!line.empty()) out += std::string(indent) + "// " + line + "\n";
  return out;
}

std::string enum_text(const EnumType& type) {
  std::string out = comment(type.description, "") + "enum class " + type.cpp_name + " {\n";
  for (const EnumValue& value : type.values) {
    out += comment(value.description, "  ") + "  " + value.cpp_name + ",\n";
  }
  return out + "};\n// As users write it.\n[[nodiscard]] std::string_view to_string(" +
         type.cpp_name + " value) noexcept;\n\n";
}

std::string struct_text(const MessageType& type) {
  std::string out = comment(type.description, "") + "struct " + type.cpp_name + " {\n";
  for (const FieldType& field : type.fields) {
    out += comment(field.description, "  ") + "  " + cpp_type(field) + " " + field.cpp_name +
           initialiser(field) + ";\n";
  }
  return out + "  bool operator==(const " + type.cpp_name + "&) const = default;\n};\n\n";
}

std::string enum_functions(const EnumType& type) {
  std::string names =
      "std::string_view to_string(" + type.cpp_name + " value) noexcept {\n  switch (value) {\n";
  std::string reader = "inline void read(const nlohmann::json& in, " + type.cpp_name + "& out) {\n";
  for (const EnumValue& value : type.values) {
    const std::string full = type.cpp_name + "::" + value.cpp_name;
    names += "    case " + full + ":\n      return \"" + value.name + "\";\n";
    reader += "  if (in == \"" + value.name + "\") out = " + full + ";\n";
  }
  return names + "  }\n  return {};\n}\n\n" + reader + "}\n\n";
}

// A custom resource itself is no struct: its metadata is Kubernetes'.
bool is_struct(const MessageType& type) {
  return !type.resource && !type.name.ends_with("Status");
}

std::string guarded_literal(const ordered_json& json) {
  return "R\"schema(" + json.dump() + ")schema\"";
}

}  // namespace

std::string cpp_header(const Model& model) {
  std::string out =
      "// The spec of each custom resource as plain values, made from proto/bunker/v1alpha1.\n"
      "// Immutable once read; any thread. See operator/api/resources.h for how they are read.\n"
      "#pragma once\n\n#include <cstdint>\n#include <map>\n#include <optional>\n#include <string>\n"
      "#include <string_view>\n#include <vector>\n\n#include <nlohmann/json.hpp>\n\n"
      "namespace bunker::v1alpha1 {\n\n";
  for (const auto& type : model.enums) out += enum_text(*type);
  for (const auto& type : model.messages) {
    if (is_struct(*type)) out += struct_text(*type);
  }
  for (const auto& type : model.messages) {
    if (!type->resource) continue;
    out += "// The schema of a " + type->name + ", as JSON.\n[[nodiscard]] std::string_view " +
           type->resource->singular() + "_schema() noexcept;\n// Reads what fits the schema.\n" +
           "void read(const nlohmann::json& in, " + type->name + "Spec& out);\n\n";
  }
  return out + "}  // namespace bunker::v1alpha1\n";
}

std::string cpp_source(const Model& model) {
  std::string out =
      "#include \"operator/api/types.h\"\n\n#include \"operator/api/decode.h\"\n\n"
      "namespace bunker::v1alpha1 {\n\n";
  for (const auto& type : model.enums) out += enum_functions(*type);
  for (const auto& type : model.messages) {
    if (!is_struct(*type)) continue;
    const bool exported = type->name.ends_with("Spec");
    out += std::string(exported ? "" : "inline ") + "void read(" + "const nlohmann::json& in, " +
           type->cpp_name + "& out) {\n";
    for (const FieldType& field : type->fields) {
      out += "  detail::read_field(in, \"" + field.name + "\", out." + field.cpp_name + ");\n";
    }
    out += "}\n\n";
  }
  for (const auto& type : model.messages) {
    if (!type->resource) continue;
    out += "std::string_view " + type->resource->singular() + "_schema() noexcept {\n  return " +
           guarded_literal(schema_of(*type, false)) + ";\n}\n\n";
  }
  return out + "}  // namespace bunker::v1alpha1\n";
}

}  // namespace bunker::generator
