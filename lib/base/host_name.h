// What this machine, or container, calls itself. Thread-safe.
#pragma once

#include <string>

namespace bunker {

// gethostname(2); `otherwise` where it fails.
[[nodiscard]] std::string host_name(const char* otherwise);

}  // namespace bunker
