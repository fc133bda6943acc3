// Listings of a folder tree in the order of keys, page by page, with the folders that are listed
// often kept in memory. What it remembers is checked against the folder on each use, so that a
// change by any process shows at once.
//
// Thread-safe. Owner: the store.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "registryd/storage/filesystem/folder_snapshot.h"
#include "registryd/storage/object_store.h"

namespace bunker::storage {

// The folders read last, up to a bound of memory. Thread-safe.
class SnapshotCache {
 public:
  // `max_bytes`: of all that is kept. 0 keeps nothing.
  explicit SnapshotCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // The last one of `folder`, which may have changed since; nullptr when there is none.
  [[nodiscard]] std::shared_ptr<FolderSnapshot> find(const std::string& folder);
  void keep(const std::string& folder, std::shared_ptr<FolderSnapshot> snapshot);

 private:
  struct Kept {
    std::string folder;
    std::shared_ptr<FolderSnapshot> snapshot;
  };
  void drop(std::list<Kept>::iterator kept);

  const std::size_t max_bytes_;
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::list<Kept> kept_;  // the last used one first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_folder_;
};

class Lister {
 public:
  Lister(const Tree& tree, std::size_t cache_bytes) : tree_(tree), cache_(cache_bytes) {}

  // The page, when memory and one system call suffice; nullopt: call list().
  [[nodiscard]] std::optional<ListPage> list_from_memory(const std::string& prefix,
                                                         const ListOptions& options);
  // As ObjectStore::list. Waits for the disk.
  [[nodiscard]] Sys<ListPage> list(const std::string& prefix, const ListOptions& options);

 private:
  struct Walk;
  [[nodiscard]] Sys<std::shared_ptr<FolderSnapshot>> load(const std::string& folder, bool keep);
  [[nodiscard]] Sys<void> walk(Walk& walk, const std::string& folder);
  [[nodiscard]] Sys<bool> visit(Walk& walk, FolderSnapshot& snapshot, std::size_t index,
                                std::string key);

  const Tree& tree_;
  SnapshotCache cache_;
};

}  // namespace bunker::storage
