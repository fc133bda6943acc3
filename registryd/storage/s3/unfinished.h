// Suspended uploads: opened again, read, forgotten. Private to the driver.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "registryd/storage/s3/backend.h"

namespace bunker::storage::s3 {

// These are the ObjectStore's functions of nearly the same names, for a well-formed scratch key.
Task<Result<std::unique_ptr<UploadWriter>>> open_upload(Backend& backend, Context& context,
                                                        ObjectKey scratch, std::string token,
                                                        std::uint64_t offset,
                                                        std::optional<std::uint64_t> expected);
Task<Result<Object>> read_upload(Backend& backend, Context& context, ObjectKey scratch,
                                 std::string token);
Task<Result<void>> abort_upload(Backend& backend, Context& context, ObjectKey scratch,
                                std::string token);

}  // namespace bunker::storage::s3
