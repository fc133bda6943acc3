// A body decoded in pieces, for the HTTP fuzz targets.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "lib/http/body_decoder.h"
#include "tests/fuzz/require.h"

namespace bunker::fuzz {

// What `decoder` makes of `input`, given `step` bytes at a time, and how it ended.
inline std::string body_of(http::BodyDecoder decoder, std::string_view input, std::size_t step) {
  std::string out;
  while (!input.empty() && !decoder.finished()) {
    const auto piece = decoder.decode(std::as_bytes(std::span(input.substr(0, step))));
    require(piece.consumed <= input.size());
    out.append(reinterpret_cast<const char*>(piece.data.data()), piece.data.size());
    if (!piece.error.empty()) return out + "\n" + std::string(piece.error);
    require(piece.consumed > 0);
    input.remove_prefix(piece.consumed);
  }
  return out + (decoder.finished() ? "\nend" : "\nmore") + std::to_string(input.size());
}

}  // namespace bunker::fuzz
