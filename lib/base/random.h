// Random values from the operating system, for identifiers and secrets. Thread-safe.
#pragma once

#include <cstddef>
#include <string>

namespace bunker {

// `count` unpredictable bytes.
[[nodiscard]] std::string random_bytes(std::size_t count);

// A version 4 UUID (RFC 4122), lower case with dashes.
[[nodiscard]] std::string random_uuid();

}  // namespace bunker
