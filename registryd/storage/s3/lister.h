// Listings, in the way that the store understands. Private to the driver.
#pragma once

#include <string>

#include "registryd/storage/s3/backend.h"

namespace bunker::storage::s3 {

// As ObjectStore::list().
Task<Result<ListPage>> list_objects(Backend& backend, Context& context, std::string prefix,
                                    ListOptions options);

}  // namespace bunker::storage::s3
