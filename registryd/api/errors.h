// Errors on the wire (OCI distribution-spec, "Error Codes"): one table from Error to status, code
// and JSON.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/http/message.h"
#include "registryd/api/path.h"

namespace bunker::api {

struct Wire {
  int status = 500;
  std::string_view code;  // "MANIFEST_UNKNOWN"
};

// The status and code that `error` is answered with. The reason decides where there is one, but a
// body over a limit is always 413.
[[nodiscard]] Wire to_wire(const Error& error) noexcept;

// {"errors":[{code, message, detail}]} with its status. `detail` is an object: "remedy" (what to
// do), what the client gave ("name" and "reference", "digest" or "upload"), and "missing", the
// digests that `error.detail` names, for MANIFEST_BLOB_UNKNOWN. For a fault of the server it holds
// the request's id instead, and the message stays in the log.
[[nodiscard]] http::Response render_error(const Error& error, const Target& target,
                                          std::string_view request_id);

// The same for a request that was refused with `status` before it was understood.
[[nodiscard]] http::Response render_refusal(int status, std::string_view why);

}  // namespace bunker::api
