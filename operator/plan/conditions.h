// Status conditions as Kubernetes' API conventions have them. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "lib/base/clock.h"
#include "operator/plan/plan.h"

namespace bunker::op {

enum class Truth { no, yes, unknown };

struct Condition {
  std::string type;
  Truth status = Truth::unknown;
  std::string reason;   // one CamelCase word
  std::string message;  // for a person: what is the matter and what to do
};

// The conditions to write. Each keeps the time of its last change where its status did not change
// since `before`, the status that was read.
[[nodiscard]] nlohmann::json to_json(const std::vector<Condition>& conditions,
                                     const nlohmann::json& before, std::int64_t generation,
                                     SystemTime now);

// What a person wants to know of the change from `before`: where Ready changed, and where another
// reason for not being ready came up.
[[nodiscard]] std::vector<Happening> changes(const Condition& ready, const nlohmann::json& before);

// The subject with `status` alone, to be applied; nullopt: it is what it was.
[[nodiscard]] std::optional<kube::Object> changed_status(const kube::Object& subject,
                                                         nlohmann::json status);

}  // namespace bunker::op
