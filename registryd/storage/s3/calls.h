// The calls of the S3 API that the driver makes, as plain HTTP requests without their signature.
// Pure: no sockets, no clock. "REST API reference for S3", 2006-03-01.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registryd/storage/object_store.h"
#include "registryd/storage/s3/endpoint.h"
#include "registryd/storage/s3/settings.h"
#include "registryd/storage/s3/sigv4.h"

namespace bunker::storage::s3 {

struct Call {
  std::string_view operation;  // "GetObject": the name in metrics
  std::string_view method;
  std::string path;    // percent-encoded
  NameValues query;    // not encoded
  NameValues headers;  // names in lower case; without host, x-amz-date and the signature
  std::string body;    // of small requests; parts and objects are handed to the client beside it
  bool slow = false;   // the store works on it for a time that grows with the object
};

struct Part {
  unsigned number = 0;  // from 1
  std::string etag;
};

struct ListRequest {
  std::string prefix;
  std::string start_after;
  bool delimited = false;
  std::size_t limit = 1000;  // at most 1,000
};

// Keys are the store's; the root directory is put before them here and nowhere else.
class Calls {
 public:
  Calls(const Settings& settings, const Endpoint& endpoint);

  [[nodiscard]] Call head(const ObjectKey& key) const;
  // `if_match`: an ETag that the object must still have, or empty.
  [[nodiscard]] Call get(const ObjectKey& key, const ByteRange& range,
                         std::string_view if_match) const;
  [[nodiscard]] Call put(const ObjectKey& key) const;
  [[nodiscard]] Call remove(const ObjectKey& key) const;
  // At most 1,000 keys, all of them can_be_in_xml().
  [[nodiscard]] Call remove_many(std::span<const ObjectKey> keys) const;
  [[nodiscard]] Call list(const ListRequest& request) const;     // ListObjectsV2
  [[nodiscard]] Call list_v1(const ListRequest& request) const;  // for stores without it

  [[nodiscard]] Call create_upload(const ObjectKey& key) const;
  [[nodiscard]] Call upload_part(const ObjectKey& key, const std::string& upload_id,
                                 unsigned number) const;
  [[nodiscard]] Call copy_part(const ObjectKey& key, const std::string& upload_id, unsigned number,
                               const ObjectKey& source, std::uint64_t offset,
                               std::uint64_t length) const;
  [[nodiscard]] Call complete_upload(const ObjectKey& key, const std::string& upload_id,
                                     std::span<const Part> parts) const;
  [[nodiscard]] Call abort_upload(const ObjectKey& key, const std::string& upload_id) const;
  // At most 5 GiB.
  [[nodiscard]] Call copy(const ObjectKey& source, const ObjectKey& key) const;

  // The key that the store shows for a key in the bucket; nullopt when it is not under the root
  // directory.
  [[nodiscard]] std::optional<std::string_view> strip_root(std::string_view bucket_key) const;

  // The encoded path of an object, for a URL at another endpoint.
  [[nodiscard]] std::string path_at(const Endpoint& endpoint, const ObjectKey& key) const;

 private:
  [[nodiscard]] Call on_object(std::string_view operation, std::string_view method,
                               const ObjectKey& key) const;
  [[nodiscard]] Call on_bucket(std::string_view operation, std::string_view method) const;
  [[nodiscard]] std::string copy_source(const ObjectKey& source) const;
  void add_object_headers(NameValues& headers) const;

  Settings settings_;
  std::string base_path_;  // before "/<key>"
  std::string root_;       // "" or "folder/"
};

// XML 1.0 has no way to write most control characters: keys with them are deleted one by one.
[[nodiscard]] bool can_be_in_xml(std::string_view key);

}  // namespace bunker::storage::s3
