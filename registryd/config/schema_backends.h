// The keys of the parts in backends.h, for schema.cpp. Internal to bunker::config. Pure.
#pragma once

#include <limits>
#include <vector>

#include "registryd/config/backends.h"
#include "registryd/config/builders.h"

namespace bunker::config {

// Rules for numbers that both halves of the schema use.
inline constexpr NumberRule kFromZero{};
inline constexpr NumberRule kFromOne{.min = 1};
inline constexpr NumberRule kAnyNumber{.min = std::numeric_limits<std::int64_t>::min()};

[[nodiscard]] std::vector<Field<Storage>> storage_keys();
[[nodiscard]] std::vector<Field<Redis>> redis_keys();
[[nodiscard]] std::vector<Field<Middlewares>> middlewares_keys();
[[nodiscard]] std::vector<Field<Notifications>> notification_keys();
[[nodiscard]] std::vector<Field<Proxy>> proxy_keys();
[[nodiscard]] std::vector<Field<Reporting>> reporting_keys();

}  // namespace bunker::config
