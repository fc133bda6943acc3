// `certsidecar run`: builds every part from the configuration, and runs until SIGTERM or SIGINT.
#pragma once

#include "certsidecar/config/config.h"
#include "lib/base/result.h"

namespace bunker::certsidecar {

// Blocks. An error is one of starting: an address in use, a socket that cannot be made.
[[nodiscard]] Result<void> serve(const Config& config);

}  // namespace bunker::certsidecar
