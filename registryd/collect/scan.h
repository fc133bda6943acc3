// The mark phase over a whole store: every repository's links and manifests, then every blob.
// Memory: the digests in use and the items found, about 65 and 100-250 bytes each, and one
// repository at a time. One coroutine. Owner: a collector.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/runtime/context.h"
#include "registryd/collect/plan.h"
#include "registryd/collect/references.h"
#include "registryd/collect/repository.h"
#include "registryd/storage/object_store.h"

namespace bunker::collect {

struct ScanCounts {
  std::uint64_t repositories = 0;
  std::uint64_t manifests = 0;
  std::uint64_t blobs = 0;  // data, manifests' bytes included
  std::uint64_t bytes = 0;
  std::uint64_t damaged_repositories = 0;  // in which nothing is collected
};

struct ScanResult {
  std::vector<Item> unused;  // sorted for deletion
  ScanCounts counts;
  std::string foreign_upload;         // the newest upload of another registry program, a key
  std::vector<std::string> warnings;  // about damaged manifests; a few
};

struct ScanHooks {
  // Awaited often; an error ends the scan with it.
  std::function<Task<Result<void>>(const ScanCounts&)> tick;
  // Files of uploads that another program than Bunker made, after this, set foreign_upload.
  SystemTime foreign_after;
};

Task<Result<ScanResult>> scan(Context& context, storage::ObjectStore& store,
                              ReferenceReader& reader, Rules rules, const ScanHooks& hooks);

}  // namespace bunker::collect
