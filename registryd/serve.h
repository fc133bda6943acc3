// The composition root: builds every component from a configuration and runs the registry until it
// is told to stop. Reads top to bottom.
#pragma once

#include <span>

#include "lib/base/result.h"
#include "registryd/config/config.h"
#include "registryd/config/finding.h"

namespace bunker {

// Serves until SIGTERM or SIGINT, then drains. Call once, from the main thread, before any other
// thread exists. `findings`: warnings and notes of the configuration, for the log.
// Errors: what kept it from starting, e.g. an address in use.
[[nodiscard]] Result<void> serve(const config::Config& config,
                                 std::span<const config::Finding> findings);

}  // namespace bunker
