// An ObjectStore that keeps blobs that were pulled in a folder on this machine, and serves them
// from there: for a registry beside its build servers, far from its bucket. Clients are sent to the
// store for nothing then. A blob is read from the store once, however many ask for it at the same
// time; parts of blobs that are not here come from the store and are not kept.
//
// Whether a repository has a blob is not known here: that is asked as ever.
// Thread-safe. Owner: the composition root.
#pragma once

#include <memory>

#include "lib/observability/metrics.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/cache/disk/disk_folder.h"
#include "registryd/storage/object_store.h"

namespace bunker::cache {

// All that is referred to outlives the I/O threads, as does the store itself.
[[nodiscard]] std::unique_ptr<storage::ObjectStore> make_disk_store(
    storage::ObjectStore& inner, std::unique_ptr<DiskFolder> folder, BlockingPool& pool,
    Metrics& metrics);

}  // namespace bunker::cache
