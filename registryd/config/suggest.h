// "Did you mean …?": the name nearest to a misspelt one. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace bunker::config {

// The name that is at most a third of its letters away from `word` (insertions, deletions,
// replacements, swaps; case does not count), or begins with it or it with the name; or an empty
// view. The result points into `names`.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> names);

}  // namespace bunker::config
