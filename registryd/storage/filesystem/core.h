// What the filesystem store and the writers that it opened share. Outlives both.
#pragma once

#include <atomic>
#include <utility>

#include "lib/runtime/blocking_pool.h"
#include "registryd/storage/filesystem/lister.h"
#include "registryd/storage/filesystem/tree.h"

namespace bunker::storage {

struct FilesystemCore {
  FilesystemCore(Tree opened, BlockingPool& threads, std::size_t list_cache_bytes)
      : tree(std::move(opened)), lister(tree, list_cache_bytes), pool(&threads) {}

  const Tree tree;
  Lister lister;
  // nullptr once the store is gone, and the pool perhaps with it.
  std::atomic<BlockingPool*> pool;
};

}  // namespace bunker::storage
