// The custom resources as the generator sees them: what protobuf's descriptors and our options say,
// in plain values and in the order that C++ needs. Single-threaded; owner: main.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace google::protobuf {
class FileDescriptorSet;
}

namespace bunker::schema {
class Field;
class Resource;
}  // namespace bunker::schema

namespace bunker::generator {

struct CelRule {
  std::string rule;
  std::string message;
};

struct EnumValue {
  std::string name;      // as users write it: "Managed"
  std::string cpp_name;  // "managed"
  std::string description;
};

struct EnumType {
  std::string cpp_name;  // "TlsMode"
  std::string description;
  std::vector<EnumValue> values;  // the first is the default
};

struct MessageType;

struct FieldType {
  enum class Kind { string, boolean, int32, int64, enumeration, message, object };

  std::string name;      // as users write it: "kmsKeyID"
  std::string cpp_name;  // "kms_key_id"
  std::string description;
  Kind kind = Kind::string;
  bool repeated = false;
  bool string_map = false;  // map<string, string>
  bool optional = false;    // declared so
  const EnumType* enumeration = nullptr;
  const MessageType* message = nullptr;
  std::shared_ptr<const schema::Field> options;  // never null
};

struct MessageType {
  std::string name;      // "Tls"
  std::string cpp_name;  // "Tls"
  std::string description;
  std::vector<CelRule> rules;
  std::vector<FieldType> fields;
  std::shared_ptr<const schema::Resource> resource;  // null: not a custom resource
};

// Owns all; pointers between them stay good while it lives.
struct Model {
  std::vector<std::unique_ptr<EnumType>> enums;
  std::vector<std::unique_ptr<MessageType>> messages;  // what a message uses comes before it
};

// Throws std::runtime_error, with the name of what is wrong: a type that a schema cannot have, or
// a message or field without a comment.
[[nodiscard]] Model load_model(const google::protobuf::FileDescriptorSet& files);

}  // namespace bunker::generator
