#include "lib/kube/object.h"

#include <ostream>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"

namespace bunker::kube {
namespace {

using nlohmann::json;

const json kNull;

const json& member(const json& value, std::string_view key) {
  if (!value.is_object()) return kNull;
  const auto found = value.find(key);
  return found == value.end() ? kNull : *found;
}

const json& metadata(const json& object, std::string_view key) {
  return member(member(object, "metadata"), key);
}

std::string_view text(const json& value) {
  if (!value.is_string()) return {};
  return value.get_ref<const std::string&>();
}

std::optional<std::string_view> entry(const json& map, std::string_view key) {
  const json& value = member(map, key);
  if (!value.is_string()) return std::nullopt;
  return text(value);
}

}  // namespace

std::string Gvk::api_version() const {
  return group.empty() ? version : group + "/" + version;
}

std::string to_string(const ObjectKey& key) {
  return key.ns.empty() ? key.name : key.ns + "/" + key.name;
}

Object::Object() : Object(json::object()) {}

Object::Object(json value) : json_(std::make_shared<json>(std::move(value))) {
  if (!json_->is_object()) throw std::logic_error("a Kubernetes object is a JSON object");
}

Result<Object> Object::parse(std::string_view source) {
  json value = json::parse(source, nullptr, false);
  if (value.is_discarded()) {
    return fail(Code::invalid,
                "not JSON: a Kubernetes object of " + std::to_string(source.size()) + " bytes");
  }
  if (!value.is_object()) return fail(Code::invalid, "not a JSON object, so no Kubernetes object");
  return Object(std::move(value));
}

Gvk Object::gvk() const {
  const std::string_view version = text(member(*json_, "apiVersion"));
  const std::size_t slash = version.find('/');
  Gvk out;
  if (slash == std::string_view::npos) {
    out.version = version;
  } else {
    out.group = version.substr(0, slash);
    out.version = version.substr(slash + 1);
  }
  out.kind = text(member(*json_, "kind"));
  return out;
}

ObjectKey Object::key() const {
  return {std::string(ns()), std::string(name())};
}

std::string_view Object::name() const {
  return text(metadata(*json_, "name"));
}

std::string_view Object::ns() const {
  return text(metadata(*json_, "namespace"));
}

std::string_view Object::uid() const {
  return text(metadata(*json_, "uid"));
}

std::string_view Object::resource_version() const {
  return text(metadata(*json_, "resourceVersion"));
}

std::int64_t Object::generation() const {
  const json& value = metadata(*json_, "generation");
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

bool Object::deleting() const {
  return !text(metadata(*json_, "deletionTimestamp")).empty();
}

bool Object::has_finalizer(std::string_view finalizer) const {
  const json& list = metadata(*json_, "finalizers");
  return list.is_array() &&
         std::ranges::any_of(list, [&](const json& each) { return text(each) == finalizer; });
}

std::optional<std::string_view> Object::label(std::string_view key) const {
  return entry(metadata(*json_, "labels"), key);
}

std::optional<std::string_view> Object::annotation(std::string_view key) const {
  return entry(metadata(*json_, "annotations"), key);
}

std::vector<OwnerReference> Object::owners() const {
  std::vector<OwnerReference> out;
  const json& list = metadata(*json_, "ownerReferences");
  if (!list.is_array()) return out;
  for (const json& each : list) {
    const json& controller = member(each, "controller");
    out.push_back({std::string(text(member(each, "apiVersion"))),
                   std::string(text(member(each, "kind"))), std::string(text(member(each, "name"))),
                   std::string(text(member(each, "uid"))),
                   controller.is_boolean() && controller.get<bool>()});
  }
  return out;
}

std::optional<OwnerReference> Object::controller() const {
  for (OwnerReference& owner : owners()) {
    if (owner.controller) return std::move(owner);
  }
  return std::nullopt;
}

std::string Object::dump() const {
  return json_->dump(-1, ' ', false, json::error_handler_t::replace);
}

bool Object::operator==(const Object& other) const {
  return json_ == other.json_ || *json_ == *other.json_;
}

const nlohmann::json& json_of(const Object& object) {
  return *object.json_;
}

nlohmann::json take_json(Object&& object) {
  const Object taken = std::move(object);
  if (taken.json_.use_count() == 1) return std::move(*taken.json_);
  return *taken.json_;
}

const nlohmann::json& at(const Object& object, std::string_view pointer) {
  const nlohmann::json* value = &json_of(object);
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const std::string_view step = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(step.size());
    if (value->is_array()) {
      const bool index = !step.empty() && step.size() < 10 &&
                         step.find_first_not_of("0123456789") == std::string_view::npos;
      const std::size_t number = index ? std::stoul(std::string(step)) : value->size();
      value = number < value->size() ? &(*value)[number] : &kNull;
    } else {
      std::string name(step);
      for (std::size_t at = 0; (at = name.find("~1", at)) != std::string::npos; ++at) {
        name.replace(at, 2, "/");
      }
      for (std::size_t at = 0; (at = name.find("~0", at)) != std::string::npos; ++at) {
        name.replace(at, 2, "~");
      }
      value = &member(*value, name);
    }
  }
  return *value;
}

void PrintTo(const Object& object, std::ostream* out) {
  *out << json_of(object).dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace bunker::kube
