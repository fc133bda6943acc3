#include "registryd/storage/s3/outcome.h"

#include <algorithm>
#include <array>

namespace bunker::storage::s3 {
namespace {

struct CodeRule {
  std::string_view code;
  Outcome outcome;
};

// A store's own word counts more than the status, which dialects use in different ways.
constexpr auto kCodes = std::to_array<CodeRule>({
    {"NoSuchKey", Outcome::not_found},
    {"InvalidRange", Outcome::out_of_range},
    {"PreconditionFailed", Outcome::changed},
    {"NoSuchUpload", Outcome::no_such_upload},
    {"InvalidPart", Outcome::bad_part},
    {"InvalidPartOrder", Outcome::bad_part},

    {"SlowDown", Outcome::slow_down},
    {"SlowDownRead", Outcome::slow_down},
    {"SlowDownWrite", Outcome::slow_down},
    {"Throttling", Outcome::slow_down},
    {"ThrottlingException", Outcome::slow_down},
    {"RequestLimitExceeded", Outcome::slow_down},
    {"RequestThrottled", Outcome::slow_down},
    {"BandwidthLimitExceeded", Outcome::slow_down},
    {"TooManyRequests", Outcome::slow_down},
    {"XMinioServerNotInitialized", Outcome::retry},

    {"InternalError", Outcome::retry},
    {"ServiceUnavailable", Outcome::retry},
    {"RequestTimeout", Outcome::retry},
    {"OperationAborted", Outcome::retry},
    {"ConditionalRequestConflict", Outcome::retry},
    {"BadDigest", Outcome::retry},
    {"XAmzContentSHA256Mismatch", Outcome::retry},
    {"IncompleteBody", Outcome::retry},

    {"ExpiredToken", Outcome::renew_credentials},
    {"ExpiredTokenException", Outcome::renew_credentials},
    {"TokenRefreshRequired", Outcome::renew_credentials},
    {"RequestTimeTooSkewed", Outcome::set_clock},
    {"RequestExpired", Outcome::set_clock},

    {"NotImplemented", Outcome::unsupported},
    {"MethodNotAllowed", Outcome::unsupported},
    {"XNotImplemented", Outcome::unsupported},

    {"AccessDenied", Outcome::refused},
    {"AllAccessDisabled", Outcome::refused},
    {"AccountProblem", Outcome::refused},
    {"InvalidAccessKeyId", Outcome::refused},
    {"InvalidToken", Outcome::refused},
    {"SignatureDoesNotMatch", Outcome::refused},
    {"AuthorizationHeaderMalformed", Outcome::refused},
    {"NoSuchBucket", Outcome::refused},
    {"PermanentRedirect", Outcome::refused},
    {"TemporaryRedirect", Outcome::refused},
});

Outcome by_status(int status) noexcept {
  switch (status) {
    case 404:
      return Outcome::not_found;
    case 416:
      return Outcome::out_of_range;
    case 412:
      return Outcome::changed;
    case 301:
    case 307:
    case 308:
    case 401:
    case 403:
      return Outcome::refused;
    case 405:
    case 501:
      return Outcome::unsupported;
    case 429:
    case 503:
      return Outcome::slow_down;
    case 408:
    case 409:
    case 425:
      return Outcome::retry;
    default:
      return status >= 500 ? Outcome::retry : Outcome::failed;
  }
}

Code code_of(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::not_found:
    case Outcome::no_such_upload:
      return Code::not_found;
    case Outcome::out_of_range:
      return Code::out_of_range;
    case Outcome::changed:
    case Outcome::bad_part:
      return Code::conflict;
    case Outcome::retry:
    case Outcome::slow_down:
    case Outcome::renew_credentials:
    case Outcome::set_clock:
      return Code::retry_later;
    case Outcome::unsupported:
      return Code::unsupported;
    case Outcome::refused:
      return Code::forbidden;
    case Outcome::done:
    case Outcome::failed:
      break;
  }
  return Code::internal;
}

std::string remedy(Outcome outcome, std::string_view operation, const ErrorBody& body,
                   std::string_view where) {
  const std::string place(where);
  if (body.code == "NoSuchBucket") return "create the bucket, or mend storage.s3.bucket: " + place;
  if (body.code == "InvalidAccessKeyId") return "mend storage.s3.accesskey";
  if (body.code == "SignatureDoesNotMatch")
    return "mend storage.s3.secretkey, or the region or endpoint: " + place;
  if (!body.region.empty()) return "the bucket is in region " + body.region + ": " + place;
  if (outcome == Outcome::refused) {
    return "the credentials must allow " + std::string(operation) + " on " + place;
  }
  if (outcome == Outcome::set_clock) return "set this machine's clock";
  return {};
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::done:
      return "done";
    case Outcome::not_found:
      return "not_found";
    case Outcome::out_of_range:
      return "out_of_range";
    case Outcome::changed:
      return "changed";
    case Outcome::no_such_upload:
      return "no_such_upload";
    case Outcome::bad_part:
      return "bad_part";
    case Outcome::retry:
      return "retry";
    case Outcome::slow_down:
      return "slow_down";
    case Outcome::renew_credentials:
      return "renew_credentials";
    case Outcome::set_clock:
      return "set_clock";
    case Outcome::unsupported:
      return "unsupported";
    case Outcome::refused:
      return "refused";
    case Outcome::failed:
      break;
  }
  return "failed";
}

Outcome classify(int status, std::string_view code) noexcept {
  if (status >= 200 && status < 300 && code.empty()) return Outcome::done;
  const auto* const rule = std::ranges::find(kCodes, code, &CodeRule::code);
  if (rule != kCodes.end()) return rule->outcome;
  return by_status(status);
}

bool is_retryable(Outcome outcome) noexcept {
  return outcome == Outcome::retry || outcome == Outcome::slow_down ||
         outcome == Outcome::renew_credentials || outcome == Outcome::set_clock;
}

Error make_error(Outcome outcome, std::string_view operation, std::string_view target, int status,
                 const ErrorBody& body, std::string_view where) {
  std::string message = "S3 " + std::string(operation) + " of " + std::string(target);
  message += " answered " + std::to_string(status);
  if (!body.code.empty()) message += ' ' + body.code;
  if (!body.message.empty()) message += ": " + body.message;
  return {code_of(outcome), std::move(message), remedy(outcome, operation, body, where)};
}

}  // namespace bunker::storage::s3
