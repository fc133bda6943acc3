// What the tests of registryd/ops share.
#pragma once

#include <string>

#include <fcntl.h>

#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::ops {

// The value of a series, 0 when there is none.
inline double series(const Metrics& metrics, const std::string& name) {
  const std::string text = '\n' + metrics.expose("").body;
  const std::size_t found = text.find('\n' + name + ' ');
  return found == std::string::npos ? 0 : std::stod(text.substr(found + name.size() + 2));
}

// A logger that nobody reads.
inline Logger::Options quiet() {
  return {.fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC)};
}

}  // namespace bunker::ops
