// What a client prefers (RFC 9110 §12.5.1). Pure.
#pragma once

#include <string_view>

namespace bunker::http {

// How much `accept`, an Accept header, wants `media_type` ("type/subtype", no parameters): 0 not at
// all, 1 most. The most specific range that matches decides; parameters other than q are not
// compared. An empty header wants everything; malformed elements count as absent.
[[nodiscard]] double quality(std::string_view accept, std::string_view media_type);

}  // namespace bunker::http
