// AWS Signature Version 4 as S3 takes it: a signature in the headers of a request, or in the query
// of a URL that somebody else will use. Pure: the time is passed in. Knows nothing of sockets.
// Spec: "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/clock.h"

namespace bunker::storage::s3 {

// Who signs. Never logged.
struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;          // empty for long-lived keys
  std::optional<SystemTime> expires;  // nullopt: never
};

struct Scope {
  std::string region;
  std::string service = "s3";
};

using NameValue = std::pair<std::string, std::string>;
using NameValues = std::vector<NameValue>;

// A request as it will be sent.
struct SignableRequest {
  std::string_view method;
  std::string_view path;     // percent-encoded
  NameValues query;          // not encoded; any order
  NameValues headers;        // names in lower case, each once, "host" among them; all are signed
  std::string_view payload;  // hex SHA-256 of the body, or kUnsignedPayload
};

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
inline constexpr std::string_view kEmptyPayload =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// "20261124T080000Z"
[[nodiscard]] std::string amz_date(SystemTime now);

// The query string as it is signed, and as it has to be sent: encoded and sorted.
[[nodiscard]] std::string canonical_query(const NameValues& query);

// What "Authorization" has to be. `request.headers` must have x-amz-date (of `now`).
[[nodiscard]] std::string authorization(const SignableRequest& request, const Credentials& who,
                                        const Scope& scope, SystemTime now);

// The query string of a URL that anybody may use for `seconds` (1 to 604,800) from `now` on, with
// the method, path and headers of `request` (usually "host" alone) and whatever body.
[[nodiscard]] std::string presigned_query(SignableRequest request, const Credentials& who,
                                          const Scope& scope, SystemTime now, unsigned seconds);

}  // namespace bunker::storage::s3
