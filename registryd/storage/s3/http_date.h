// The date format of HTTP headers (RFC 9110 §5.6.7), its current form only. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "lib/base/clock.h"

namespace bunker::storage::s3 {

// "Tue, 24 Nov 2026 08:00:00 GMT"; nullopt for anything else.
[[nodiscard]] std::optional<SystemTime> parse_http_date(std::string_view text);

}  // namespace bunker::storage::s3
