// MicroTime, the time of leases and events: RFC 3339 with microseconds. Pure. For lib/kube alone.
#pragma once

#include <string>

#include "lib/base/clock.h"

namespace bunker::kube {

// "2026-11-24T12:00:00.123456Z".
[[nodiscard]] std::string micro_time(SystemTime time);

}  // namespace bunker::kube
