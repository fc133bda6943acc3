// Range headers: every span that comes out lies inside the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "lib/http/range.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t total = 0;
  if (size < sizeof(total)) return 0;
  std::memcpy(&total, data, sizeof(total));
  const std::string_view header(reinterpret_cast<const char*>(data) + sizeof(total),
                                size - sizeof(total));
  const auto specs = bunker::http::parse_range(header);
  if (!specs) return 0;
  if (specs->empty() || specs->size() > 64) std::abort();
  for (const auto& span : bunker::http::resolve(*specs, total)) {
    if (span.length == 0 || span.offset >= total || span.length > total - span.offset) {
      std::abort();
    }
  }
  return 0;
}
