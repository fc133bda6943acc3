// Runs a credential plugin and reads what it prints. For Credentials alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/kube/credentials.h"

namespace bunker::kube {

struct ExecCredential {
  std::string token;
  ClientIdentity identity;
  std::optional<SystemTime> expires;  // nullopt: good for the life of the process
};

// Runs the program to its end, at most a minute. Errors name the program, never what it printed on
// standard output.
[[nodiscard]] Result<ExecCredential> run_exec_plugin(const ExecPlugin& plugin);

// invalid: not an ExecCredential with a status.
[[nodiscard]] Result<ExecCredential> parse_exec_credential(std::string_view text);

}  // namespace bunker::kube
