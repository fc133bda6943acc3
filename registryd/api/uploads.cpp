// Uploads of blobs (OCI distribution-spec, "Pushing Blobs"). An upload's whole state travels in
// its URL, so any replica can answer the next request.
#include <algorithm>
#include <utility>

#include "registryd/api/endpoints.h"
#include "registryd/api/errors.h"
#include "registryd/api/parse.h"
#include "registryd/core/errors.h"
#include "registryd/core/upload_token.h"

namespace bunker::api {
namespace {

namespace reason = registry::reason;
using registry::Algorithm;
using registry::Digest;
using registry::RepositoryName;
using registry::Upload;

// "0-<last byte>": no "bytes=", docker reads it with scanf. An upload without bytes has no last
// one; "0-0" is what distribution sends, and docker fails without the field.
std::string range_of(const Upload& upload) {
  return "0-" + std::to_string(std::max<std::uint64_t>(upload.offset, 1) - 1);
}

// Where the upload stands and where to go on with it.
void add_position(const Call& call, const Upload& upload, http::Response& response) {
  response.headers.reserve(8);
  response.headers.add("Location",
                       call.urls.upload(call.request, upload.repository.str(), upload.uuid,
                                        seal_upload(upload, call.options.secret)));
  response.headers.add("Range", range_of(upload));
  response.headers.add("Docker-Upload-UUID", upload.uuid);
}

http::Response position(const Call& call, const Upload& upload, int status) {
  http::Response response(status);
  add_position(call, upload, response);
  return response;
}

http::Response created(const Call& call, const RepositoryName& name, const Digest& digest) {
  http::Response response(201);
  response.headers.reserve(8);
  response.headers.add("Location", call.urls.blob(call.request, name.str(), digest.str()));
  response.headers.add("Docker-Content-Digest", digest.str());
  return response;
}

// A chunk that does not fit leaves the upload as it was: clients read from this answer where to
// resume (end-5 asks for 416, regctl for both fields).
Result<http::Response> refused(const Call& call, const Upload& upload, Error error) {
  if (error.code != Code::out_of_range) return fail(std::move(error));
  http::Response response = render_error(error, call.target, call.context.request_id);
  add_position(call, upload, response);
  return response;
}

// The upload that the request's URL names.
Result<Upload> current_upload(const Call& call) {
  BUNKER_TRY_ASSIGN(const auto name, call.name());
  BUNKER_TRY_ASSIGN(const auto state,
                    query_param(call.request, "_state", reason::kBlobUploadInvalid));
  if (!state) {
    return fail(Code::not_found, "the upload's URL lacks its state",
                "use the last Location whole, with its query; to begin again, POST to "
                "/v2/<name>/blobs/uploads/",
                reason::kBlobUploadUnknown);
  }
  return unseal_upload(*state, call.options.secret, name, call.target.item);
}

// Whether the blob could be taken from `from`, or from anywhere the caller may read. A source that
// the caller may not read counts as one that does not have it: 403 would end containerd's push.
Task<Result<bool>> try_mount(Call& call, RepositoryName name, Digest digest) {
  const auto from = query_param(call.request, "from", reason::kNameInvalid);
  if (!from) co_return fail(from.error());
  std::optional<RepositoryName> source;
  if (*from) {
    auto parsed = RepositoryName::parse(**from);
    if (!parsed) co_return false;
    source = *std::move(parsed);
  }
  if (!call.may_pull(source)) co_return false;
  co_return co_await call.services.registry.mount(call.context, std::move(name), std::move(digest),
                                                  std::move(source));
}

// What the client says its blob will be hashed with: chunks arrive before the digest does.
Result<Algorithm> wanted_algorithm(const Call& call, const std::optional<Digest>& digest,
                                   const std::optional<Digest>& mount) {
  BUNKER_TRY_ASSIGN(const auto text,
                    query_param(call.request, "digest-algorithm", reason::kDigestInvalid));
  if (text) {
    const auto algorithm = registry::parse_algorithm(*text);
    if (algorithm) return *algorithm;
    return fail(Code::unsupported, "digest-algorithm is not supported: " + *text,
                "use sha256 or sha512", reason::kDigestInvalid);
  }
  if (digest) return digest->algorithm();
  return mount ? mount->algorithm() : Algorithm::sha256;
}

// A POST with a digest brings the blob, but some clients only announce it and send the bytes
// later: an empty body that cannot be the blob begins an upload.
bool brings_blob(const http::Request& request, const Digest& digest) {
  if (request.content_length != 0) return true;
  return digest == Digest::of(digest.algorithm(), "");
}

}  // namespace

Answer start_upload(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  BUNKER_CO_TRY_ASSIGN(auto mount, query_digest(call.request, "mount"));
  BUNKER_CO_TRY_ASSIGN(auto digest, query_digest(call.request, "digest"));
  BUNKER_CO_TRY_ASSIGN(const Algorithm algorithm, wanted_algorithm(call, digest, mount));
  if (mount) {
    BUNKER_CO_TRY_ASSIGN(const bool mounted, co_await try_mount(call, name, *mount));
    if (mounted) co_return created(call, name, *mount);
  }
  BUNKER_CO_TRY_ASSIGN(Upload upload,
                       co_await call.services.registry.start_upload(call.context, name, algorithm));
  if (!digest || !brings_blob(call.request, *digest)) co_return position(call, upload, 202);
  BUNKER_CO_TRY_ASSIGN(const registry::BlobInfo blob,
                       co_await call.services.registry.finish(
                           call.context, std::move(upload), *std::move(digest), *call.request.body,
                           std::nullopt, call.request.content_length));
  co_return created(call, name, blob.digest);
}

Answer append_upload(Call& call) {
  BUNKER_CO_TRY_ASSIGN(Upload upload, current_upload(call));
  const Result<ChunkPlace> place = parse_chunk_place(call.request);
  if (!place) co_return refused(call, upload, place.error());
  const auto appended = co_await call.services.registry.append(
      call.context, upload, *call.request.body, place->start, place->length);
  if (!appended) co_return refused(call, upload, appended.error());
  co_return position(call, *appended, 202);
}

Answer finish_upload(Call& call) {
  BUNKER_CO_TRY_ASSIGN(Upload upload, current_upload(call));
  BUNKER_CO_TRY_ASSIGN(auto digest, query_digest(call.request, "digest"));
  if (!digest) {
    co_return fail(Code::invalid, "the digest is missing",
                   "add digest=sha256:<hex of the whole blob> to the query",
                   reason::kDigestInvalid);
  }
  const Result<ChunkPlace> place = parse_chunk_place(call.request);
  if (!place) co_return refused(call, upload, place.error());
  const auto blob = co_await call.services.registry.finish(
      call.context, upload, *std::move(digest), *call.request.body, place->start, place->length);
  if (!blob) co_return refused(call, upload, blob.error());
  co_return created(call, upload.repository, blob->digest);
}

Answer upload_status(Call& call) {
  BUNKER_CO_TRY_ASSIGN(Upload upload, current_upload(call));
  BUNKER_CO_TRY_ASSIGN(const Upload now,
                       co_await call.services.registry.status(call.context, std::move(upload)));
  co_return position(call, now, 204);
}

Answer cancel_upload(Call& call) {
  BUNKER_CO_TRY_ASSIGN(Upload upload, current_upload(call));
  BUNKER_CO_TRY(co_await call.services.registry.cancel(call.context, std::move(upload)));
  co_return http::Response(204);
}

}  // namespace bunker::api
