// `registryd verify-storage`. Part of the composition root.
#pragma once

#include "registryd/config/config.h"

namespace bunker {

// Says on standard output what is damaged, a line each, on standard error how far it is and a
// summary. Returns the exit code: 0 all is well, or was repaired; 1 it could not be looked at; 4
// damage is left. Blocks; from the main thread, before any other thread exists.
[[nodiscard]] int verify_storage(const config::Config& config, bool repair);

}  // namespace bunker
