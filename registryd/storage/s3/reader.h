// Objects as streams that survive broken connections: a stream that breaks is asked for again from
// where it was, of the same version of the object. Private to the driver.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "registryd/storage/s3/backend.h"

namespace bunker::storage::s3 {

// The Content-Length of an answer; nullopt when it has none.
[[nodiscard]] std::optional<std::uint64_t> content_length(const Reply& reply);

// ObjectInfo of an answer to HEAD or to GET of a whole object; internal when the store left out the
// length.
[[nodiscard]] Result<ObjectInfo> info_of(const Reply& reply);

// As ObjectStore::get(), for a well-formed key.
Task<Result<Object>> open_object(Backend& backend, Context& context, ObjectKey key,
                                 ByteRange range);

}  // namespace bunker::storage::s3
