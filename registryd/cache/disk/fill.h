// A blob on its way from the store to the disk, which any number of clients read as it grows: who
// asks for it meanwhile costs no call of his own, and a slow client holds nobody up. The last byte
// is given out only when all of them have the blob's digest.
// Thread-safe. Held by whoever reads it, and by the task that fills it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "lib/runtime/shared_result.h"
#include "registryd/cache/disk/disk_folder.h"
#include "registryd/storage/object_store.h"

namespace bunker::cache {

class Fill {
 public:
  explicit Fill(registry::Digest wanted) : digest(std::move(wanted)) {}

  enum class Status : unsigned char {
    opening,  // the store is being asked
    growing,
    whole,   // and verified
    wrong,   // the store's bytes do not have the digest
    broken,  // of no use: ask the store
  };
  struct View {
    Status status = Status::opening;
    std::uint64_t written = 0;
    std::uint64_t size = 0;
    std::shared_ptr<const FileHandle> file;
    // Set when there is more to see than this.
    std::shared_ptr<SharedResult<bool>> change;
  };
  [[nodiscard]] View view() const;

  void begin(std::uint64_t size, std::shared_ptr<const FileHandle> file);
  void grow(std::uint64_t written);
  void end(Status status);

  const registry::Digest digest;
  Context context;  // of its own, since it outlives every request

 private:
  void change(std::unique_lock<std::mutex> lock);

  mutable std::mutex mutex_;
  View view_{.change = std::make_shared<SharedResult<bool>>()};
};

// Everything that `fill`, which has begun, holds and will hold; from `store`, as `key`, where it
// breaks off. `store` outlives the source.
[[nodiscard]] std::unique_ptr<ByteSource> follow(std::shared_ptr<Fill> fill,
                                                 storage::ObjectStore& store,
                                                 storage::ObjectKey key);

}  // namespace bunker::cache
