// multipart/byteranges and its kin (RFC 9110 §14.6, RFC 2046 §5.1.1): several bodies as one.
#pragma once

#include <string>
#include <vector>

#include "lib/http/message.h"
#include "lib/runtime/body.h"

namespace bunker::http {

struct Part {
  Headers headers;
  Body body;  // of known length
};

// A boundary that no content holds but by malice of chance: 32 random hex digits.
[[nodiscard]] std::string make_boundary();

// The parts in order, streamed one after the other; its length is exact. The response's
// Content-Type is "multipart/byteranges; boundary=" + boundary.
[[nodiscard]] Body make_multipart(const std::string& boundary, std::vector<Part> parts);

}  // namespace bunker::http
