#include "lib/observability/metrics.h"
#include "revision.h"

namespace bunker {

std::string_view build_version() noexcept {
  return BUNKER_VERSION;
}
std::string_view build_revision() noexcept {
  return BUNKER_REVISION;
}

void register_build_info(Metrics& metrics, std::string_view program) {
  metrics
      .gauge("bunker_build_info", "What this program was built from, as labels; always 1.",
             {{"program", std::string(program)},
              {"version", std::string(build_version())},
              {"revision", std::string(build_revision())},
              {"compiler", "clang " __clang_version__}})
      .set(1);
}

}  // namespace bunker
