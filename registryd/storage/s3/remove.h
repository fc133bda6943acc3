// Deletions, a thousand keys a call where the store can do that. Private to the driver.
#pragma once

#include <vector>

#include "registryd/storage/s3/backend.h"

namespace bunker::storage::s3 {

// As ObjectStore::remove(), for well-formed keys.
Task<Result<void>> remove_objects(Backend& backend, Context& context, std::vector<ObjectKey> keys);

}  // namespace bunker::storage::s3
