// How a fuzz target says that something must hold: it aborts where it does not.
#pragma once

#include <cstdlib>

namespace bunker::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace bunker::fuzz
