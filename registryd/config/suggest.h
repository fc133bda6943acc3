// "Did you mean …?": the name nearest to a misspelt one. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace bunker::config {

// The name that is at most three letters and a third of its own away from `word` (insertions,
// deletions, replacements, swaps; case does not count), or else one that begins with the other; or
// an empty view. The result points into `names`.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> names);

}  // namespace bunker::config
