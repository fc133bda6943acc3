// Splits PEM text into its blocks. Internal to lib/pki. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace bunker::pki {

// The DER of each block labelled `label` ("CERTIFICATE", "X509 CRL"), in order (RFC 7468).
// invalid: more than `max_bytes` of text, or a block of this label that is cut off or not base64.
[[nodiscard]] Result<std::vector<std::string>> pem_blocks(std::string_view pem,
                                                          std::string_view label,
                                                          std::size_t max_bytes);

}  // namespace bunker::pki
