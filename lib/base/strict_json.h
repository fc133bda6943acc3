// JSON that every parser reads alike: no duplicate keys, no byte order mark, no invalid UTF-8,
// nothing behind the document, bounded depth and size. For documents from outside that decide
// something: manifests, tokens, keys. Who calls it includes <nlohmann/json.hpp> itself. Pure.
#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "lib/base/result.h"

namespace bunker {

// invalid, with the position and the reason.
[[nodiscard]] Result<nlohmann::json> parse_strict_json(std::string_view bytes);

}  // namespace bunker
