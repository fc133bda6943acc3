// Durations as Kubernetes' APIs and registryd write them: 90s, 1h30m, 2160h. Pure; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace bunker::v1alpha1 {

// nullopt: not a duration (numbers with units ns, us, ms, s, m, h), or longer than 250 years.
// What is less than a millisecond is cut off.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// For a field whose pattern the schema has checked; what is too long counts as 250 years.
[[nodiscard]] std::chrono::milliseconds duration_of(std::string_view checked);

}  // namespace bunker::v1alpha1
