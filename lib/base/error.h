// An expected failure as a value: what happened, to what, and what to do about it.
// Codes are named after the caller's next step, not after the cause.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace bunker {

enum class Code {
  not_found,        // it is not there: give up or create it
  already_exists,   // it is there already
  invalid,          // the input is wrong: mend it, a retry will not help
  unauthenticated,  // say who you are
  forbidden,        // you are known, and may not
  conflict,         // somebody else changed it meanwhile: look again, then retry
  too_large,        // over a limit: send less
  out_of_range,     // the offset or range does not fit: look at the state, then retry
  unsupported,      // this build or configuration does not do that
  retry_later,      // overloaded or temporarily unavailable: retry with backoff
  cancelled,        // the caller or the peer went away
  data_loss,        // what is stored is not what was written
  internal,         // a bug or a broken environment
};

// The code's name as used in logs and metric labels, e.g. "not_found".
[[nodiscard]] std::string_view to_string(Code code) noexcept;

struct Error {
  Code code = Code::internal;
  // One sentence for a person: what happened and to what. Never holds a secret.
  std::string message;
  // What the person can do about it, or more facts; may be empty.
  std::string detail;
  // The API's own error code (e.g. "MANIFEST_UNKNOWN") where the rule that failed has one;
  // empty: the API derives one from `code`.
  std::string_view reason;

  Error() = default;
  Error(Code error_code, std::string what, std::string remedy = {}, std::string_view api_code = {})
      : code(error_code), message(std::move(what)), detail(std::move(remedy)), reason(api_code) {}
};

// "code: message (detail)", for logs.
[[nodiscard]] std::string to_string(const Error& error);

}  // namespace bunker
