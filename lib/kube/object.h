// A Kubernetes object as a value: JSON with typed views of what every object has. Not a typed
// resource: a spec is read through lib/kube/object_json.h, in .cpp files only.
// Thread rule: immutable and cheap to copy (copies share the JSON); any thread.
//
// It is the seam between what decides and what talks to the API server. operator/desired and
// operator/plan are pure functions from Objects to Objects; operator/controller fills in what was
// observed, carries a plan out and knows nothing of what is in a spec.
#pragma once

#include <compare>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "lib/base/result.h"

namespace bunker::kube {

// Group, version and kind: {"apps", "v1", "Deployment"}, {"", "v1", "Secret"}.
struct Gvk {
  std::string group;
  std::string version;
  std::string kind;

  // "apps/v1", "v1".
  [[nodiscard]] std::string api_version() const;
  auto operator<=>(const Gvk&) const = default;
};

// A name in a namespace (empty for what is in none); the key of caches and queues.
struct ObjectKey {
  std::string ns;
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
};

// "namespace/name", or "name".
[[nodiscard]] std::string to_string(const ObjectKey& key);

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
};

class Object {
 public:
  // An object without a field.
  Object();
  // `value` is a JSON object.
  explicit Object(nlohmann::json value);
  // invalid: `text` is not JSON, or not a JSON object.
  [[nodiscard]] static Result<Object> parse(std::string_view text);

  [[nodiscard]] Gvk gvk() const;
  [[nodiscard]] ObjectKey key() const;
  // Fields of metadata; empty, zero or false where there are none.
  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] std::string_view ns() const;
  [[nodiscard]] std::string_view uid() const;
  [[nodiscard]] std::string_view resource_version() const;
  [[nodiscard]] std::int64_t generation() const;
  [[nodiscard]] bool deleting() const;  // has a deletionTimestamp
  [[nodiscard]] bool has_finalizer(std::string_view finalizer) const;
  // The value of a label or annotation; nullopt where there is none.
  [[nodiscard]] std::optional<std::string_view> label(std::string_view key) const;
  [[nodiscard]] std::optional<std::string_view> annotation(std::string_view key) const;
  [[nodiscard]] std::vector<OwnerReference> owners() const;
  // The owner with controller: true.
  [[nodiscard]] std::optional<OwnerReference> controller() const;

  // Compact JSON, keys sorted: equal objects give equal text.
  [[nodiscard]] std::string dump() const;

  bool operator==(const Object& other) const;

 private:
  friend const nlohmann::json& json_of(const Object& object);
  friend nlohmann::json take_json(Object&& object);

  std::shared_ptr<nlohmann::json> json_;  // never null, always an object, never changed
};

// What GoogleTest shows of an object that is not the expected one.
void PrintTo(const Object& object, std::ostream* out);

}  // namespace bunker::kube
