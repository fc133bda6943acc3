// The status of a Registry, out of what was observed. Pure; any thread.
#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "operator/desired/input.h"
#include "operator/plan/conditions.h"
#include "operator/plan/plan.h"
#include "operator/plan/secrets.h"
#include "operator/plan/sharing.h"

namespace bunker::op {

struct RegistryReport {
  nlohmann::json status;
  Condition ready;
};

// `plan`: what is to be written before this report: a Deployment in it has not rolled out yet.
[[nodiscard]] RegistryReport report(const desired::Input& input, const Sharing& sharing,
                                    const Observed& observed, const Plan& plan,
                                    AuthorityEnds& ends);

// Of one that is not valid: what is known of it stays, and the conditions say what is wrong.
[[nodiscard]] RegistryReport report_invalid(const Error& error, const Observed& observed);

}  // namespace bunker::op
