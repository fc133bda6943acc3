#include "registryd/api/errors.h"

#include <array>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "registryd/core/errors.h"

namespace bunker::api {
namespace {

namespace reason = registry::reason;

constexpr std::array<std::pair<std::string_view, int>, 19> kStatusOfReason = {{
    {reason::kManifestUnknown, 404},
    {reason::kBlobUnknown, 404},
    {reason::kNameUnknown, 404},
    {reason::kBlobUploadUnknown, 404},
    {reason::kUnauthorized, 401},
    {reason::kDenied, 403},
    {reason::kRangeInvalid, 416},
    {reason::kUnsupported, 405},
    {reason::kBlobUploadInvalid, 400},
    {reason::kDigestInvalid, 400},
    {reason::kManifestBlobUnknown, 400},
    {reason::kManifestInvalid, 400},
    {reason::kNameInvalid, 400},
    {reason::kSizeInvalid, 400},
    {reason::kTagInvalid, 400},
    {reason::kPaginationNumberInvalid, 400},
    {reason::kTooManyRequests, 429},
    {reason::kUnavailable, 503},
    {reason::kUnknown, 500},
}};

Wire from_code(Code code) noexcept {
  switch (code) {
    case Code::not_found:
      return {404, reason::kNameUnknown};
    case Code::unauthenticated:
      return {401, reason::kUnauthorized};
    case Code::forbidden:
      return {403, reason::kDenied};
    case Code::unsupported:
      return {405, reason::kUnsupported};
    case Code::out_of_range:
      return {416, reason::kRangeInvalid};
    case Code::too_large:
      return {413, reason::kSizeInvalid};
    case Code::already_exists:
    case Code::conflict:
      return {409, reason::kUnknown};
    case Code::invalid:
      return {400, reason::kUnknown};
    case Code::retry_later:
      return {503, reason::kUnavailable};
    // Nobody is there to read it; the number is for the log and the metrics.
    case Code::cancelled:
      return {499, reason::kUnknown};
    case Code::data_loss:
    case Code::internal:
      return {500, reason::kUnknown};
  }
  return {500, reason::kUnknown};
}

std::string_view item_key(Resource resource) {
  switch (resource) {
    case Resource::manifest:
      return "reference";
    case Resource::upload:
      return "upload";
    default:
      return "digest";
  }
}

// The digests in `text`, in order: core names the missing ones in a sentence.
std::vector<std::string> digests_in(std::string_view text) {
  std::vector<std::string> found;
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const std::string_view algorithm : {"sha256:", "sha512:"}) {
    std::size_t at = 0;
    while ((at = text.find(algorithm, at)) != std::string_view::npos) {
      std::size_t end = text.find_first_not_of(kHex, at + algorithm.size());
      if (end == std::string_view::npos) end = text.size();
      found.emplace_back(text.substr(at, end - at));
      at = end;
    }
  }
  return found;
}

nlohmann::json detail_of(const Error& error, const Wire& wire, const Target& target,
                         std::string_view request_id) {
  nlohmann::json detail = nlohmann::json::object();
  if (wire.status >= 500 && wire.status != 503) {
    detail["request_id"] = request_id;
    return detail;
  }
  if (!target.name.empty()) detail["name"] = target.name;
  if (!target.item.empty()) detail[item_key(target.resource)] = target.item;
  if (!error.detail.empty()) detail["remedy"] = error.detail;
  if (wire.code == reason::kManifestBlobUnknown) detail["missing"] = digests_in(error.detail);
  return detail;
}

http::Response error_response(const Wire& wire, std::string_view message, nlohmann::json detail) {
  nlohmann::json entry;
  entry["code"] = wire.code;
  entry["message"] = message;
  entry["detail"] = std::move(detail);
  nlohmann::json body;
  body["errors"] = nlohmann::json::array({std::move(entry)});

  http::Response response(wire.status);
  response.headers.reserve(8);
  // Without a charset, which JSON does not have (RFC 8259 §11); clients parse the media type only.
  response.headers.add("Content-Type", "application/json");
  if (wire.status == 429 || wire.status == 503) response.headers.add("Retry-After", "5");
  // What a client sent is echoed: bytes that are not UTF-8 must not make the dump throw.
  response.body = Body(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
  return response;
}

}  // namespace

Wire to_wire(const Error& error) noexcept {
  if (error.reason.empty()) return from_code(error.code);
  Wire wire{500, error.reason};
  for (const auto& [name, status] : kStatusOfReason) {
    if (name == error.reason) wire.status = status;
  }
  if (error.code == Code::too_large) wire.status = 413;
  return wire;
}

http::Response render_error(const Error& error, const Target& target, std::string_view request_id) {
  const Wire wire = to_wire(error);
  const std::string_view message = wire.status == 500
                                       ? "the registry failed to answer; its log says why"
                                       : std::string_view(error.message);
  return error_response(wire, message, detail_of(error, wire, target, request_id));
}

http::Response render_refusal(int status, std::string_view why) {
  std::string_view code = reason::kUnknown;
  if (status == 403) code = reason::kDenied;
  if (status == 413) code = reason::kSizeInvalid;
  if (status == 503) code = reason::kUnavailable;
  return error_response({status, code}, why, nlohmann::json::object());
}

}  // namespace bunker::api
