#include "lib/kube/micro_time.h"

#include <chrono>
#include <cstdio>

#include "lib/base/encoding.h"

namespace bunker::kube {

std::string micro_time(SystemTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - whole);
  std::string out = format_rfc3339(whole);
  out.pop_back();  // the Z
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>(micros.count()));
  return out + fraction;
}

}  // namespace bunker::kube
