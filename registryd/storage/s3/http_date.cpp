#include "registryd/storage/s3/http_date.h"

#include <ctime>
#include <string>

namespace bunker::storage::s3 {

std::optional<SystemTime> parse_http_date(std::string_view text) {
  const std::string copy(text);
  std::tm utc{};
  const char* end = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&utc));
}

}  // namespace bunker::storage::s3
