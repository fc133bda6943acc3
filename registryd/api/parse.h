// What the endpoints read from a request beside its path. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "registryd/core/digest.h"
#include "registryd/core/registry.h"

namespace bunker::api {

// One decoded query parameter; nullopt when it is absent or empty. invalid with `reason` when it
// is not well-formed percent-encoding.
[[nodiscard]] Result<std::optional<std::string>> query_param(const http::Request& request,
                                                             std::string_view name,
                                                             std::string_view reason);

// The same as a digest: DIGEST_INVALID.
[[nodiscard]] Result<std::optional<registry::Digest>> query_digest(const http::Request& request,
                                                                   std::string_view name);

// `n` and `last` of a list. Without `n` the limit is `unasked` (nullopt: all); a greater one than
// `most` is cut to it, and the answer's Link leads on. PAGINATION_NUMBER_INVALID.
[[nodiscard]] Result<registry::PageRequest> parse_page(const http::Request& request,
                                                       std::optional<std::size_t> unasked,
                                                       std::size_t most);

// Where an upload's body belongs, as far as the client says.
struct ChunkPlace {
  std::optional<std::uint64_t> start;
  std::optional<std::uint64_t> length;
};

// From Content-Range, "<first>-<last>" by the spec (end-5) and also as RFC 9110 §14.4 writes it
// ("bytes 0-9/*"), and the body's announced length. BLOB_UPLOAD_INVALID when the header is
// neither, out_of_range / RANGE_INVALID when it runs backwards, SIZE_INVALID when the two lengths
// differ.
[[nodiscard]] Result<ChunkPlace> parse_chunk_place(const http::Request& request);

// The entity tag of what has `digest`: the digest in quotes, as distribution's.
[[nodiscard]] std::string etag_of(const registry::Digest& digest);

// Whether an If-None-Match or If-Range value names that tag. Weak tags, "*" and bare
// digests (docker sends those) count too, unless `strong`.
[[nodiscard]] bool names_etag(std::string_view header, const registry::Digest& digest,
                              bool strong = false) noexcept;

}  // namespace bunker::api
