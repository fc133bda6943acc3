// A structural schema as the API server applies it to a custom resource: defaults, and what does
// not fit. Not for CEL rules: operator/api/resources.h has those. Immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace bunker::v1alpha1 {

// Something that does not fit: "spec.storage.s3.bucket", "is required".
struct Problem {
  std::string path;
  std::string message;
  bool operator==(const Problem&) const = default;
};

class Schema {
 public:
  // `text` is one of those that the generator made. Throws std::logic_error where it is not.
  explicit Schema(std::string_view text);
  ~Schema();
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;

  // Sets what is missing and has a default, at every depth, and drops nulls where they mean that.
  void apply_defaults(nlohmann::json& value) const;

  // Unknown fields, wrong types, missing fields, values out of bounds; at most 100.
  [[nodiscard]] std::vector<Problem> check(const nlohmann::json& value) const;

 private:
  struct Node;
  std::unique_ptr<const Node> root_;
};

}  // namespace bunker::v1alpha1
