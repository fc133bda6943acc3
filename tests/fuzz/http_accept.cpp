// Accept headers: whatever the client sends, a quality is between 0 and 1.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/http/accept.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view header(reinterpret_cast<const char*>(data), size);
  for (const std::string_view type : {"text/plain", "application/openmetrics-text", ""}) {
    const double quality = bunker::http::quality(header, type);
    if (!(quality >= 0 && quality <= 1)) std::abort();
  }
  return 0;
}
