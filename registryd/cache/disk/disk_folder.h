// A folder of blobs, bounded in size: which ones are there, and which go to make room. What another
// process left there is hashed before it is used, so neither a crash nor a bad disk is ever served.
// Thread-safe; every call may block on the disk, so on a BlockingPool. One process a folder.
// Owner: the DiskStore.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "lib/base/result.h"
#include "lib/runtime/body.h"
#include "registryd/core/digest.h"

namespace bunker::cache {

class DiskFolder {
 public:
  // Makes the folder where it is missing, and removes what a crash left half done. `max_bytes`: of
  // all blobs together. invalid: the folder cannot be used, or another process uses it.
  [[nodiscard]] static Result<std::unique_ptr<DiskFolder>> open(std::string folder,
                                                                std::uint64_t max_bytes);
  ~DiskFolder();
  DiskFolder(const DiskFolder&) = delete;
  DiskFolder& operator=(const DiskFolder&) = delete;

  // The blob, its digest proved; nullopt when it is not here.
  [[nodiscard]] std::optional<FileRegion> find(const registry::Digest& digest);

  // A file for a blob of `size` bytes that is not here yet, to be written and then kept. Room is
  // made for it. too_large: it is more than a quarter of all; retry_later: the disk is full.
  struct Draft {
    std::shared_ptr<const FileHandle> file;
    std::string path;
    std::uint64_t size = 0;
  };
  [[nodiscard]] Result<Draft> begin(std::uint64_t size);
  // Keeps what was written; the caller has verified that it has `digest`.
  void keep(const registry::Digest& digest, const Draft& draft);
  void discard(const Draft& draft);

  void remove(const registry::Digest& digest);

  struct Usage {
    std::size_t blobs = 0;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] Usage usage() const;

 private:
  struct Entry {
    registry::Digest digest;
    std::uint64_t size = 0;
    bool verified = false;  // by this process
  };
  using Entries = std::list<Entry>;

  DiskFolder(std::string folder, std::uint64_t max_bytes, int lock);
  [[nodiscard]] Result<void> scan();
  [[nodiscard]] std::string path_of(const registry::Digest& digest) const;
  // Removes what was not used for longest until `bytes` more fit. With the lock held.
  void make_room(std::uint64_t bytes);
  void drop(Entries::iterator entry);

  const std::string folder_;
  const std::uint64_t max_bytes_;
  const FileHandle lock_;
  mutable std::mutex mutex_;
  Entries entries_;  // the most recently used first
  std::unordered_map<registry::Digest, Entries::iterator> places_;
  std::uint64_t bytes_ = 0;     // of entries
  std::uint64_t promised_ = 0;  // of drafts
};

}  // namespace bunker::cache
