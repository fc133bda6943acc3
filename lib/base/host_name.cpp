#include "lib/base/host_name.h"

#include <array>

#include <unistd.h>

namespace bunker {

std::string host_name(const char* otherwise) {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : otherwise;
}

}  // namespace bunker
