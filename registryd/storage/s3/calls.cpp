#include "registryd/storage/s3/calls.h"

#include <algorithm>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/hash.h"
#include "registryd/storage/s3/xml.h"

namespace bunker::storage::s3 {
namespace {

std::string root_prefix(std::string_view root) {
  while (root.starts_with('/')) root.remove_prefix(1);
  while (root.ends_with('/')) root.remove_suffix(1);
  return root.empty() ? std::string() : std::string(root) + '/';
}

std::string range_header(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t most = UINT64_MAX - offset;
  return "bytes=" + std::to_string(offset) + '-' +
         std::to_string(offset + std::min(length - 1, most));
}

// nullopt: the whole object.
std::optional<std::string> range_header(const ByteRange& range) {
  if (range.suffix) return "bytes=-" + std::to_string(*range.suffix);
  if (range.length) return range_header(range.offset, *range.length);
  if (range.offset > 0) return "bytes=" + std::to_string(range.offset) + '-';
  return std::nullopt;
}

}  // namespace

Calls::Calls(const Settings& settings, const Endpoint& endpoint)
    : settings_(settings), base_path_(endpoint.path), root_(root_prefix(settings.root_directory)) {}

Call Calls::on_object(std::string_view operation, std::string_view method,
                      const ObjectKey& key) const {
  Call call;
  call.operation = operation;
  call.method = method;
  call.path = base_path_ + '/' + percent_encode(root_ + key, true);
  return call;
}

Call Calls::on_bucket(std::string_view operation, std::string_view method) const {
  Call call;
  call.operation = operation;
  call.method = method;
  call.path = base_path_.empty() ? "/" : base_path_;
  return call;
}

std::string Calls::path_at(const Endpoint& endpoint, const ObjectKey& key) const {
  return endpoint.path + '/' + percent_encode(root_ + key, true);
}

std::string Calls::copy_source(const ObjectKey& source) const {
  return '/' + percent_encode(settings_.bucket + '/' + root_ + source, true);
}

// Only what departs from S3's defaults is sent: some stores refuse headers that they do not know.
void Calls::add_object_headers(NameValues& headers) const {
  if (settings_.object_acl != "private" && !settings_.object_acl.empty()) {
    headers.emplace_back("x-amz-acl", settings_.object_acl);
  }
  if (settings_.encrypt && settings_.key_id.empty()) {
    headers.emplace_back("x-amz-server-side-encryption", "AES256");
  } else if (settings_.encrypt) {
    headers.emplace_back("x-amz-server-side-encryption", "aws:kms");
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", settings_.key_id);
  }
  if (settings_.storage_class != "STANDARD" && settings_.storage_class != "NONE" &&
      !settings_.storage_class.empty()) {
    headers.emplace_back("x-amz-storage-class", settings_.storage_class);
  }
}

Call Calls::head(const ObjectKey& key) const {
  return on_object("HeadObject", "HEAD", key);
}

Call Calls::get(const ObjectKey& key, const ByteRange& range, std::string_view if_match) const {
  Call call = on_object("GetObject", "GET", key);
  if (auto value = range_header(range)) call.headers.emplace_back("range", std::move(*value));
  if (!if_match.empty()) call.headers.emplace_back("if-match", if_match);
  return call;
}

Call Calls::put(const ObjectKey& key) const {
  Call call = on_object("PutObject", "PUT", key);
  call.headers.emplace_back("content-type", "application/octet-stream");
  add_object_headers(call.headers);
  return call;
}

Call Calls::remove(const ObjectKey& key) const {
  return on_object("DeleteObject", "DELETE", key);
}

Call Calls::remove_many(std::span<const ObjectKey> keys) const {
  Call call = on_bucket("DeleteObjects", "POST");
  call.query.emplace_back("delete", "");
  std::vector<std::string> bucket_keys;
  bucket_keys.reserve(keys.size());
  for (const ObjectKey& key : keys) bucket_keys.push_back(root_ + key);
  call.body = print_delete(bucket_keys);
  call.headers.emplace_back("content-type", "application/xml");
  // Most stores insist on it; AWS takes it or a checksum header that others do not know.
  call.headers.emplace_back("content-md5", base64_encode(md5(call.body)));
  return call;
}

Call Calls::list(const ListRequest& request) const {
  Call call = on_bucket("ListObjectsV2", "GET");
  call.query.emplace_back("list-type", "2");
  call.query.emplace_back("encoding-type", "url");
  call.query.emplace_back("prefix", root_ + request.prefix);
  call.query.emplace_back("max-keys", std::to_string(request.limit));
  if (request.delimited) call.query.emplace_back("delimiter", "/");
  if (!request.start_after.empty()) {
    call.query.emplace_back("start-after", root_ + request.start_after);
  }
  return call;
}

Call Calls::list_v1(const ListRequest& request) const {
  Call call = on_bucket("ListObjects", "GET");
  call.query.emplace_back("encoding-type", "url");
  call.query.emplace_back("prefix", root_ + request.prefix);
  call.query.emplace_back("max-keys", std::to_string(request.limit));
  if (request.delimited) call.query.emplace_back("delimiter", "/");
  if (!request.start_after.empty()) {
    call.query.emplace_back("marker", root_ + request.start_after);
  }
  return call;
}

Call Calls::create_upload(const ObjectKey& key) const {
  Call call = on_object("CreateMultipartUpload", "POST", key);
  call.query.emplace_back("uploads", "");
  call.headers.emplace_back("content-type", "application/octet-stream");
  add_object_headers(call.headers);
  return call;
}

Call Calls::upload_part(const ObjectKey& key, const std::string& upload_id, unsigned number) const {
  Call call = on_object("UploadPart", "PUT", key);
  call.query.emplace_back("partNumber", std::to_string(number));
  call.query.emplace_back("uploadId", upload_id);
  return call;
}

Call Calls::copy_part(const ObjectKey& key, const std::string& upload_id, unsigned number,
                      const ObjectKey& source, std::uint64_t offset, std::uint64_t length) const {
  Call call = upload_part(key, upload_id, number);
  call.operation = "UploadPartCopy";
  call.slow = true;
  call.headers.emplace_back("x-amz-copy-source", copy_source(source));
  call.headers.emplace_back("x-amz-copy-source-range", range_header(offset, length));
  return call;
}

Call Calls::complete_upload(const ObjectKey& key, const std::string& upload_id,
                            std::span<const Part> parts) const {
  Call call = on_object("CompleteMultipartUpload", "POST", key);
  call.query.emplace_back("uploadId", upload_id);
  call.headers.emplace_back("content-type", "application/xml");
  call.body = print_complete(parts);
  call.slow = true;
  return call;
}

Call Calls::abort_upload(const ObjectKey& key, const std::string& upload_id) const {
  Call call = on_object("AbortMultipartUpload", "DELETE", key);
  call.query.emplace_back("uploadId", upload_id);
  return call;
}

Call Calls::copy(const ObjectKey& source, const ObjectKey& key) const {
  Call call = on_object("CopyObject", "PUT", key);
  call.slow = true;
  call.headers.emplace_back("x-amz-copy-source", copy_source(source));
  add_object_headers(call.headers);
  return call;
}

std::optional<std::string_view> Calls::strip_root(std::string_view bucket_key) const {
  if (!bucket_key.starts_with(root_)) return std::nullopt;
  return bucket_key.substr(root_.size());
}

bool can_be_in_xml(std::string_view key) {
  return std::ranges::all_of(key, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7f;
  });
}

}  // namespace bunker::storage::s3
