// http.secret: what signs the URLs of uploads in progress.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace bunker {

// The secret kept in `folder` (32 random bytes in a file that only its owner can read), made where
// there is none, so that uploads survive a restart without a configured secret. Several processes
// may call this at once on one folder: all get the same secret.
[[nodiscard]] Result<std::string> kept_secret(const std::string& folder);

}  // namespace bunker
