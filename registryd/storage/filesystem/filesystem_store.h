// An ObjectStore in a folder (storage.filesystem), laid out as distribution lays it out: key K is
// the file <root>/K. Distribution may use the same folder at the same time, and so may any number
// of our processes, on any machine that shares it and its locks.
//
// Writes survive a crash whole or not at all. Needs a filesystem with rename and flock.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "lib/runtime/blocking_pool.h"
#include "registryd/storage/object_store.h"

namespace bunker::storage {

struct FilesystemOptions {
  std::string root;              // storage.filesystem.rootdirectory; made where it is missing
  BlockingPool* pool = nullptr;  // where what waits for the disk runs; outlives the store
  std::size_t list_cache_bytes = 4u << 20;  // memory for the names in folders listed lately
};

// Errors name the folder and what to do.
[[nodiscard]] Result<std::unique_ptr<ObjectStore>> open_filesystem_store(
    const FilesystemOptions& options);

}  // namespace bunker::storage
