// What to do next about an answer of an S3 store, whatever dialect it speaks; and the Error to give
// when nothing more can be done. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "registryd/storage/s3/xml.h"

namespace bunker::storage::s3 {

// Named after the next step.
enum class Outcome {
  done,               // use it
  not_found,          // there is no such object
  out_of_range,       // the range starts behind the object's end
  changed,            // the object is not the one of If-Match
  no_such_upload,     // the multipart upload is gone: finished, aborted or never there
  bad_part,           // a part is not what Complete says it is: somebody replaced it
  retry,              // the same again, later
  slow_down,          // the same again, later, and all calls slower
  renew_credentials,  // the same again with fresh credentials
  set_clock,          // the same again, signed with the store's time
  unsupported,        // another way: this store does not have that call
  refused,            // give up: credentials, policy, bucket, region
  failed,             // give up: the call is wrong
};

[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;

// `status`: HTTP's. `code`: of the <Error> in the body; empty where there is none, as for HEAD.
[[nodiscard]] Outcome classify(int status, std::string_view code) noexcept;

// Whether the same call may succeed later.
[[nodiscard]] bool is_retryable(Outcome outcome) noexcept;

// The Error for a call that ended in `outcome`. `target`: what it was about, e.g. a key. `where`:
// bucket and host, for the remedy.
[[nodiscard]] Error make_error(Outcome outcome, std::string_view operation, std::string_view target,
                               int status, const ErrorBody& body, std::string_view where);

}  // namespace bunker::storage::s3
