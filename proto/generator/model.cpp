#include "proto/generator/model.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "bunker/schema/options.pb.h"

namespace bunker::generator {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kPackage = "bunker.v1alpha1";

std::string join_lines(const std::string& comment) {
  std::string out;
  for (const char c : comment) {
    const char next = c == '\n' ? ' ' : c;
    if (next == ' ' && (out.empty() || out.back() == ' ')) continue;
    out += next;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

template <class Descriptor>
std::string comment_of(const Descriptor& descriptor) {
  pb::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return {};
  return join_lines(location.leading_comments);
}

template <class Descriptor>
std::string needed_comment(const Descriptor& descriptor) {
  std::string comment = comment_of(descriptor);
  if (comment.empty()) throw std::runtime_error(descriptor.full_name() + " has no comment");
  return comment;
}

// "TlsMode" of Tls.Mode: nested names joined.
template <class Descriptor>
std::string cpp_type_name(const Descriptor& descriptor) {
  const pb::Descriptor* outer = descriptor.containing_type();
  return (outer ? cpp_type_name(*outer) : std::string()) + descriptor.name();
}

std::string upper_snake(const std::string& camel) {
  std::string out;
  for (const char c : camel) {
    if (c >= 'A' && c <= 'Z' && !out.empty()) out += '_';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string pascal(const std::string& upper) {
  std::string out;
  bool start = true;
  for (const char c : upper) {
    if (c == '_') {
      start = true;
    } else {
      out += start ? c : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      start = false;
    }
  }
  return out;
}

std::string cpp_identifier(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name == "auto" || name == "delete" || name == "operator") name += '_';
  if (!name.empty() && name.front() >= '0' && name.front() <= '9') name = "v" + name;
  return name;
}

class Builder {
 public:
  explicit Builder(Model& model) : model_(model) {}

  const MessageType* message(const pb::Descriptor& descriptor) {
    if (const auto found = messages_.find(&descriptor); found != messages_.end()) {
      return found->second;
    }
    auto out = std::make_unique<MessageType>();
    out->name = descriptor.name();
    out->cpp_name = cpp_type_name(descriptor);
    out->description = comment_of(descriptor);
    const schema::Message& options = descriptor.options().GetExtension(schema::message);
    for (const schema::Rule& rule : options.rules()) {
      out->rules.push_back({rule.rule(), rule.message()});
    }
    if (options.has_resource()) {
      out->resource = std::make_shared<schema::Resource>(options.resource());
    }
    for (int i = 0; i < descriptor.field_count(); ++i) {
      out->fields.push_back(field(*descriptor.field(i)));
    }
    const MessageType* kept = out.get();
    messages_[&descriptor] = kept;
    model_.messages.push_back(std::move(out));
    return kept;
  }

 private:
  const EnumType* enumeration(const pb::EnumDescriptor& descriptor) {
    if (const auto found = enums_.find(&descriptor); found != enums_.end()) return found->second;
    auto out = std::make_unique<EnumType>();
    out->cpp_name = cpp_type_name(descriptor);
    out->description = comment_of(descriptor);
    const std::string prefix = upper_snake(descriptor.name()) + "_";
    for (int i = 0; i < descriptor.value_count(); ++i) {
      const pb::EnumValueDescriptor& value = *descriptor.value(i);
      if (!value.name().starts_with(prefix)) {
        throw std::runtime_error(value.full_name() + " does not begin with " + prefix);
      }
      const std::string bare = value.name().substr(prefix.size());
      const std::string& given = value.options().GetExtension(schema::enum_value).name();
      out->values.push_back(
          {given.empty() ? pascal(bare) : given, cpp_identifier(bare), needed_comment(value)});
    }
    const EnumType* kept = out.get();
    enums_[&descriptor] = kept;
    model_.enums.push_back(std::move(out));
    return kept;
  }

  void set_kind(const pb::FieldDescriptor& descriptor, FieldType& out) {
    using Type = pb::FieldDescriptor::Type;
    switch (descriptor.type()) {
      case Type::TYPE_STRING:
        out.kind = FieldType::Kind::string;
        return;
      case Type::TYPE_BOOL:
        out.kind = FieldType::Kind::boolean;
        return;
      case Type::TYPE_INT32:
        out.kind = FieldType::Kind::int32;
        return;
      case Type::TYPE_INT64:
        out.kind = FieldType::Kind::int64;
        return;
      case Type::TYPE_ENUM:
        out.kind = FieldType::Kind::enumeration;
        out.enumeration = enumeration(*descriptor.enum_type());
        return;
      case Type::TYPE_MESSAGE:
        if (descriptor.message_type()->full_name() == "google.protobuf.Struct") {
          out.kind = FieldType::Kind::object;
        } else {
          out.kind = FieldType::Kind::message;
          out.message = message(*descriptor.message_type());
        }
        return;
      default:
        throw std::runtime_error(descriptor.full_name() + " has a type that no schema has");
    }
  }

  FieldType field(const pb::FieldDescriptor& descriptor) {
    FieldType out;
    out.name = descriptor.json_name();
    out.cpp_name = cpp_identifier(descriptor.name());
    out.description = needed_comment(descriptor);
    out.options = std::make_shared<schema::Field>(descriptor.options().GetExtension(schema::field));
    if (descriptor.is_map()) {
      const pb::Descriptor& entry = *descriptor.message_type();
      if (entry.map_key()->type() != pb::FieldDescriptor::TYPE_STRING ||
          entry.map_value()->type() != pb::FieldDescriptor::TYPE_STRING) {
        throw std::runtime_error(descriptor.full_name() + ": maps are of strings");
      }
      out.string_map = true;
      return out;
    }
    out.repeated = descriptor.is_repeated();
    out.optional = descriptor.has_optional_keyword();
    set_kind(descriptor, out);
    return out;
  }

  Model& model_;
  std::map<const pb::Descriptor*, const MessageType*> messages_;
  std::map<const pb::EnumDescriptor*, const EnumType*> enums_;
};

}  // namespace

Model load_model(const pb::FileDescriptorSet& files) {
  pb::DescriptorPool pool;
  std::vector<const pb::FileDescriptor*> ours;
  for (const pb::FileDescriptorProto& file : files.file()) {
    const pb::FileDescriptor* built = pool.BuildFile(file);
    if (!built) throw std::runtime_error(file.name() + " is not a valid descriptor");
    if (built->package() == kPackage) ours.push_back(built);
  }
  Model model;
  Builder builder(model);
  for (const pb::FileDescriptor* file : ours) {
    for (int i = 0; i < file->message_type_count(); ++i) builder.message(*file->message_type(i));
  }
  return model;
}

}  // namespace bunker::generator
