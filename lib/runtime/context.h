// What every call on behalf of one request carries down: who asked, and until when it matters.
// Owned by the connection's frame, passed by reference, outlives every call it is passed to.
#pragma once

#include <chrono>
#include <string>

#include "lib/base/clock.h"

namespace bunker {

struct Context {
  // Correlates log lines and errors; shown to the client as X-Request-Id. May be empty.
  std::string request_id;
  // After this instant the answer is of no use: calls give up with Code::retry_later.
  SteadyTime deadline = SteadyTime::max();
};

}  // namespace bunker
