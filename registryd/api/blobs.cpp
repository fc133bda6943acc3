// Blobs (OCI distribution-spec, "Pulling Blobs", "Deleting Blobs"; ranges: RFC 9110 §14).
#include <algorithm>
#include <limits>
#include <utility>

#include "lib/http/multipart.h"
#include "lib/http/range.h"
#include "registryd/api/endpoints.h"
#include "registryd/api/errors.h"
#include "registryd/api/parse.h"
#include "registryd/api/text.h"
#include "registryd/core/errors.h"

namespace bunker::api {
namespace {

using registry::Digest;
using registry::RepositoryName;

// How long a client that is sent to the store may take to get there: as with distribution.
constexpr unsigned kRedirectSeconds = 20 * 60;

http::Response blob_response(int status, const Digest& digest) {
  http::Response response(status);
  response.headers.reserve(10);
  response.headers.add("Content-Type", "application/octet-stream");
  response.headers.add("Docker-Content-Digest", digest.str());
  response.headers.add("Etag", etag_of(digest));
  response.headers.add("Accept-Ranges", "bytes");
  // Content-addressed: what a cache holds never goes stale.
  response.headers.add("Cache-Control", "max-age=31536000");
  return response;
}

storage::ByteRange to_byte_range(const http::RangeSpec& spec) {
  storage::ByteRange range;
  if (!spec.first) {
    range.suffix = spec.suffix;
    return range;
  }
  range.offset = *spec.first;
  if (spec.last && *spec.last != std::numeric_limits<std::uint64_t>::max()) {
    range.length = *spec.last - *spec.first + 1;
  }
  return range;
}

std::string content_range(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
  return "bytes " + std::to_string(offset) + "-" + std::to_string(offset + length - 1) + "/" +
         std::to_string(size);
}

http::Response partial(const Digest& digest, registry::Blob blob) {
  http::Response response = blob_response(206, digest);
  response.headers.add("Content-Range", content_range(blob.offset, blob.body.length, blob.size));
  response.body = std::move(blob.body);
  return response;
}

// Some bytes of a blob, opened when they are first read: an answer of many ranges does not hold as
// many files or connections open.
class BlobPart final : public ByteSource {
 public:
  BlobPart(const Call& call, RepositoryName name, Digest digest, http::ByteSpan span)
      : registry_(call.services.registry),
        context_(call.context),
        name_(std::move(name)),
        digest_(std::move(digest)),
        span_(span) {}

  Task<Result<std::span<const std::byte>>> read() override {
    if (source_ == nullptr) {
      storage::ByteRange range;
      range.offset = span_.offset;
      range.length = span_.length;
      BUNKER_CO_TRY_ASSIGN(registry::Blob blob,
                           co_await registry_.get_blob(context_, name_, digest_, range));
      source_ = make_source(std::move(blob.body));
    }
    co_return co_await source_->read();
  }

 private:
  registry::Registry& registry_;
  Context& context_;  // lives until the response is sent
  const RepositoryName name_;
  const Digest digest_;
  const http::ByteSpan span_;
  std::unique_ptr<ByteSource> source_;
};

http::Response unsatisfiable(const Call& call, std::string_view range, std::uint64_t size) {
  const Error error(Code::out_of_range, "no byte of the blob is in " + std::string(range),
                    "the blob has " + std::to_string(size) + " bytes",
                    registry::reason::kRangeInvalid);
  http::Response response = render_error(error, call.target, call.context.request_id);
  response.headers.add("Content-Range", "bytes */" + std::to_string(size));
  return response;
}

// 400 rather than 416: readers of zstd:chunked layers then ask again with fewer.
http::Response too_many_ranges(const Call& call) {
  const Error error(Code::invalid, "the Range header names too many ranges",
                    "ask for at most " + std::to_string(http::kMostRanges) + " at once",
                    registry::reason::kRangeInvalid);
  http::Response response = render_error(error, call.target, call.context.request_id);
  response.status = 400;
  return response;
}

// The Range header, where it applies: If-Range with another tag asks for the whole blob.
std::optional<std::string_view> range_header(const http::Request& request, const Digest& digest) {
  const auto range = request.headers.get("Range");
  constexpr std::string_view kUnit = "bytes=";
  if (!range || !equal_fold(range->substr(0, kUnit.size()), kUnit)) return std::nullopt;
  const auto condition = request.headers.get("If-Range");
  if (condition && !names_etag(*condition, digest, true)) return std::nullopt;
  return range;
}

Answer get_whole(Call& call, RepositoryName name, Digest digest) {
  BUNKER_CO_TRY_ASSIGN(registry::Blob blob,
                       co_await call.services.registry.get_blob(call.context, std::move(name),
                                                                digest, storage::ByteRange()));
  http::Response response = blob_response(200, digest);
  response.body = std::move(blob.body);
  co_return response;
}

Answer get_one_range(Call& call, RepositoryName name, Digest digest, http::RangeSpec spec) {
  auto blob =
      co_await call.services.registry.get_blob(call.context, name, digest, to_byte_range(spec));
  const bool outside = blob ? blob->body.length == 0 : blob.error().code == Code::out_of_range;
  if (!blob && !outside) co_return fail(std::move(blob.error()));
  if (!outside) co_return partial(digest, *std::move(blob));
  BUNKER_CO_TRY_ASSIGN(const registry::BlobInfo info, co_await call.services.registry.stat_blob(
                                                          call.context, std::move(name), digest));
  co_return unsatisfiable(call, call.request.headers.get("Range").value_or(""), info.size);
}

// Many ranges in one answer, in the order that they were asked for: readers of zstd:chunked layers
// match them by position.
http::Response multipart(const Call& call, const RepositoryName& name, const Digest& digest,
                         const std::vector<http::ByteSpan>& spans, std::uint64_t size) {
  std::vector<http::Part> parts;
  parts.reserve(spans.size());
  for (const http::ByteSpan& span : spans) {
    http::Part part;
    part.headers.add("Content-Type", "application/octet-stream");
    part.headers.add("Content-Range", content_range(span.offset, span.length, size));
    part.body = Body(std::make_unique<BlobPart>(call, name, digest, span), span.length);
    parts.push_back(std::move(part));
  }
  const std::string boundary = http::make_boundary();
  http::Response response = blob_response(206, digest);
  response.headers.set("Content-Type", "multipart/byteranges; boundary=" + boundary);
  response.body = http::make_multipart(boundary, std::move(parts));
  return response;
}

// A list of ranges, or one that cannot be read.
Answer get_ranges(Call& call, RepositoryName name, Digest digest) {
  BUNKER_CO_TRY_ASSIGN(const registry::BlobInfo info,
                       co_await call.services.registry.stat_blob(call.context, name, digest));
  const std::string_view header = call.request.headers.get("Range").value_or("");
  const auto commas = static_cast<std::size_t>(std::ranges::count(header, ','));
  if (commas >= http::kMostRanges) co_return too_many_ranges(call);
  const auto specs = http::parse_range(header);
  if (!specs) co_return unsatisfiable(call, header, info.size);
  const std::vector<http::ByteSpan> spans = http::resolve(*specs, info.size);
  if (spans.empty()) co_return unsatisfiable(call, header, info.size);
  std::uint64_t asked = 0;
  for (const http::ByteSpan& span : spans) asked += span.length;
  // Ranges that overlap could ask for the blob many times over (RFC 9110 §14.2).
  if (asked > info.size) co_return co_await get_whole(call, std::move(name), std::move(digest));
  if (spans.size() == 1) {
    const http::RangeSpec only{spans[0].offset, spans[0].offset + spans[0].length - 1};
    co_return co_await get_one_range(call, std::move(name), std::move(digest), only);
  }
  co_return multipart(call, name, digest, spans, info.size);
}

// Sends the client to the store itself, where that can be reached; nullopt: answer as ever. Only
// for what the store answers as we would: stores do not know several ranges.
Task<Result<std::optional<http::Response>>> redirect(Call& call, const RepositoryName& name,
                                                     const Digest& digest) {
  BUNKER_CO_TRY_ASSIGN(auto url, co_await call.services.registry.blob_url(
                                     call.context, name, digest, kRedirectSeconds));
  if (!url) co_return std::nullopt;
  http::Response response(307);
  response.headers.add("Location", *url);
  response.headers.add("Docker-Content-Digest", digest.str());
  response.headers.add("Cache-Control", "no-store");  // the URL ends before the blob does
  co_return response;
}

Answer not_modified(Call& call, RepositoryName name, Digest digest) {
  BUNKER_CO_TRY(co_await call.services.registry.stat_blob(call.context, std::move(name), digest));
  co_return blob_response(304, digest);
}

}  // namespace

Answer get_blob(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  BUNKER_CO_TRY_ASSIGN(auto digest, call.digest());
  const auto known = call.request.headers.get("If-None-Match");
  if (known && names_etag(*known, digest)) {
    co_return co_await not_modified(call, std::move(name), std::move(digest));
  }
  const auto range = range_header(call.request, digest);
  const auto specs = range ? http::parse_range(*range) : std::nullopt;
  const bool several = range && (!specs || specs->size() != 1);
  if (!several) {
    BUNKER_CO_TRY_ASSIGN(auto elsewhere, co_await redirect(call, name, digest));
    if (elsewhere) co_return *std::move(elsewhere);
  }
  if (!range) co_return co_await get_whole(call, std::move(name), std::move(digest));
  if (!several) {
    co_return co_await get_one_range(call, std::move(name), std::move(digest), specs->front());
  }
  co_return co_await get_ranges(call, std::move(name), std::move(digest));
}

Answer head_blob(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  BUNKER_CO_TRY_ASSIGN(auto digest, call.digest());
  BUNKER_CO_TRY_ASSIGN(const registry::BlobInfo blob, co_await call.services.registry.stat_blob(
                                                          call.context, std::move(name), digest));
  const auto known = call.request.headers.get("If-None-Match");
  if (known && names_etag(*known, digest)) co_return blob_response(304, digest);
  http::Response response = blob_response(200, digest);
  response.head_length = blob.size;
  co_return response;
}

Answer delete_blob(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  BUNKER_CO_TRY_ASSIGN(auto digest, call.digest());
  BUNKER_CO_TRY(co_await call.services.registry.delete_blob(call.context, std::move(name),
                                                            std::move(digest)));
  co_return http::Response(202);
}

}  // namespace bunker::api
