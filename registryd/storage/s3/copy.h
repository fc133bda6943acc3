// Copies of whole objects within the bucket, in whatever way the store offers. Private to the
// driver.
#pragma once

#include <cstdint>

#include "registryd/storage/s3/backend.h"

namespace bunker::storage::s3 {

// Makes `key` a copy of `source`, an object of `size` bytes: by one call, by parts where it is too
// big for that, or through our own memory where the store cannot copy.
Task<Result<void>> copy_object(Backend& backend, Context& context, ObjectKey source, ObjectKey key,
                               std::uint64_t size);

}  // namespace bunker::storage::s3
