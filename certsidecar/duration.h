// Durations as the configuration and the command line write them: "90d", "36h", "15m", "10s", or
// several in a row ("1h30m"). Pure; any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace bunker::certsidecar {

// invalid: no such duration, or longer than 200 years.
[[nodiscard]] Result<std::chrono::seconds> parse_duration(std::string_view text);

// "89d", "36h", "15m", "10s": the largest unit of which there are two or more, rounded down.
[[nodiscard]] std::string format_duration(std::chrono::seconds duration);

}  // namespace bunker::certsidecar
