// SHA-256 of short texts: versions, fingerprints, cache keys. Not for content that is streamed:
// registryd/core/digest.h. Pure; any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace bunker {

// The 32 bytes of the digest (FIPS 180-4); hex_encode() makes text of them.
[[nodiscard]] std::string sha256(std::string_view bytes);

// Of several texts, none of which passes for a piece of its neighbour.
[[nodiscard]] std::string sha256_of_all(std::initializer_list<std::string_view> parts);

}  // namespace bunker
