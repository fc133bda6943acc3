// An upload's whole state as the signed `_state` value of its URL, so that any replica that shares
// the secret can go on with it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "registryd/core/registry.h"

namespace bunker::registry {

// base64url(HMAC-SHA256(secret, payload) ‖ payload): safe in a URL, under 2,000 bytes.
[[nodiscard]] std::string seal_upload(const Upload& upload, std::string_view secret);

// invalid / BLOB_UPLOAD_INVALID: damaged, or sealed with another secret (the detail says that
// replicas must share http.secret). BLOB_UPLOAD_UNKNOWN: of another repository or uuid.
[[nodiscard]] Result<Upload> unseal_upload(std::string_view token, std::string_view secret,
                                           const RepositoryName& name, std::string_view uuid);

}  // namespace bunker::registry
