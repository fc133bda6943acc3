// The XML that S3 speaks, to plain values and back. Tolerant of what it does not know, strict about
// what it needs. pugixml stops here. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "registryd/storage/s3/sigv4.h"

namespace bunker::storage::s3 {

struct Part;

// <Error>: what a store says when it refuses.
struct ErrorBody {
  std::string code;  // "NoSuchKey"
  std::string message;
  std::string region;  // where the bucket is, when it is elsewhere
};

// nullopt: not an <Error>.
[[nodiscard]] std::optional<ErrorBody> parse_error(std::string_view xml);

struct ListedObject {
  std::string key;  // as in the bucket
  std::uint64_t size = 0;
  SystemTime modified;  // whole seconds, as in Last-Modified
};
struct ListResult {
  std::vector<ListedObject> objects;
  std::vector<std::string> prefixes;  // folded keys
  bool truncated = false;
};

// <ListBucketResult> of either version, asked for with encoding-type=url.
[[nodiscard]] Result<ListResult> parse_list(std::string_view xml);

// <InitiateMultipartUploadResult>: the upload's id.
[[nodiscard]] Result<std::string> parse_created_upload(std::string_view xml);

// The answers to Complete, CopyObject and UploadPartCopy come as 200 before the work is done, and
// may turn out to be errors.
struct DoneResult {
  std::string etag;                // with its quotes
  std::optional<ErrorBody> error;  // set: it was not done
};
[[nodiscard]] Result<DoneResult> parse_done(std::string_view xml);

struct KeyError {
  std::string key;  // as in the bucket
  std::string code;
  std::string message;
};
// <DeleteResult>: the keys that were not deleted.
[[nodiscard]] Result<std::vector<KeyError>> parse_deleted(std::string_view xml);

// What the security token service answers to AssumeRoleWithWebIdentity, and the code of its refusal
// (empty: it gave none).
[[nodiscard]] Result<Credentials> parse_assumed_role(std::string_view xml);
[[nodiscard]] std::string parse_sts_error_code(std::string_view xml);

// The bodies of CompleteMultipartUpload and of DeleteObjects (which answers only with errors).
[[nodiscard]] std::string print_complete(std::span<const Part> parts);
[[nodiscard]] std::string print_delete(std::span<const std::string> keys);

}  // namespace bunker::storage::s3
