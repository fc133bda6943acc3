// Manifests (OCI distribution-spec, "Pulling Manifests", "Pushing Manifests", "Deleting
// Manifests").
#include <utility>

#include "registryd/api/endpoints.h"
#include "registryd/api/parse.h"
#include "registryd/api/text.h"
#include "registryd/core/errors.h"

namespace bunker::api {
namespace {

// "application/json; charset=utf-8" is stored and compared as "application/json".
std::string media_type(const http::Request& request) {
  const std::string_view type = request.headers.get("Content-Type").value_or("");
  return std::string(trim(type.substr(0, type.find(';'))));
}

Result<std::vector<registry::Tag>> tag_params(const http::Request& request) {
  BUNKER_TRY(query_param(request, "tag", registry::reason::kTagInvalid));
  std::vector<registry::Tag> tags;
  for (const std::string& text : request.query_values("tag")) {
    BUNKER_TRY_ASSIGN(auto tag, registry::Tag::parse(text));
    tags.push_back(std::move(tag));
  }
  return tags;
}

Error too_large(std::size_t limit) {
  return Error(Code::too_large, "the manifest is larger than " + std::to_string(limit) + " bytes",
               "move data from annotations and inline fields into blobs",
               registry::reason::kManifestInvalid);
}

Task<Result<std::string>> read_body(http::Request& request, std::size_t limit) {
  if (request.content_length.value_or(0) > limit) co_return fail(too_large(limit));
  Result<std::string> bytes = co_await read_all(*request.body, limit);
  if (bytes) co_return bytes;
  if (bytes.error().code == Code::too_large) co_return fail(too_large(limit));
  if (bytes.error().code == Code::data_loss) {
    co_return fail(Code::invalid, "the body ended before its announced length",
                   "send the manifest again", registry::reason::kSizeInvalid);
  }
  co_return bytes;
}

}  // namespace

Answer get_manifest(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  Result<registry::Reference> reference = call.reference();
  if (!reference && reference.error().reason == registry::reason::kTagInvalid) {
    // No manifest can have such a tag; clients that probe for one expect 404 (end-3).
    reference.error().code = Code::not_found;
    reference.error().reason = registry::reason::kManifestUnknown;
  }
  if (!reference) co_return fail(std::move(reference.error()));
  BUNKER_CO_TRY_ASSIGN(const registry::Manifest manifest,
                       co_await call.services.registry.get_manifest(call.context, std::move(name),
                                                                    *std::move(reference)));
  http::Response response(200);
  response.headers.reserve(8);
  response.headers.add("Docker-Content-Digest", manifest.digest.str());
  response.headers.add("Etag", etag_of(manifest.digest));
  const auto known = call.request.headers.get("If-None-Match");
  if (known && names_etag(*known, manifest.digest)) {
    response.status = 304;
    co_return response;
  }
  // What is stored, whatever Accept asks for: clients and scripts ask for less than they take.
  response.headers.add("Content-Type", manifest.media_type);
  response.body = Body(manifest.bytes);
  co_return response;
}

Answer put_manifest(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  BUNKER_CO_TRY_ASSIGN(auto reference, call.reference());
  BUNKER_CO_TRY_ASSIGN(auto tags, tag_params(call.request));
  const std::size_t limit = call.options.max_manifest_bytes;
  BUNKER_CO_TRY_ASSIGN(std::string bytes, co_await read_body(call.request, limit));
  BUNKER_CO_TRY_ASSIGN(const registry::ManifestPushed pushed,
                       co_await call.services.registry.put_manifest(
                           call.context, name, std::move(reference), media_type(call.request),
                           std::move(bytes), std::move(tags)));
  http::Response response(201);
  response.headers.reserve(8 + pushed.tags.size());
  response.headers.add("Location",
                       call.urls.manifest(call.request, name.str(), pushed.digest.str()));
  response.headers.add("Docker-Content-Digest", pushed.digest.str());
  if (pushed.subject) response.headers.add("OCI-Subject", pushed.subject->str());
  for (const std::string& tag : pushed.tags) response.headers.add("OCI-Tag", tag);
  co_return response;
}

Answer delete_manifest(Call& call) {
  BUNKER_CO_TRY_ASSIGN(auto name, call.name());
  BUNKER_CO_TRY_ASSIGN(auto reference, call.reference());
  BUNKER_CO_TRY(co_await call.services.registry.delete_manifest(call.context, std::move(name),
                                                                std::move(reference)));
  co_return http::Response(202);
}

}  // namespace bunker::api
