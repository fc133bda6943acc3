// Manifests' bytes by digest, in memory: content never changes, so an entry is never stale. Whether
// a repository holds the manifest is not known here. Thread-safe. Owner: Registry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/runtime/body.h"
#include "registryd/core/digest.h"

namespace bunker::registry {

struct StoredManifest {
  std::string media_type;
  SharedBytes bytes;  // they have the digest under which they are kept
};
using StoredManifestPtr = std::shared_ptr<const StoredManifest>;

class ManifestCache {
 public:
  // Keeps at most about `max_bytes`, dropping what was not used for longest.
  explicit ManifestCache(std::size_t max_bytes);
  ~ManifestCache();
  ManifestCache(const ManifestCache&) = delete;
  ManifestCache& operator=(const ManifestCache&) = delete;

  // nullptr when it is not here.
  [[nodiscard]] StoredManifestPtr find(const Digest& digest);
  // The caller has verified that `manifest` has `digest`. One too large to keep is ignored.
  void insert(const Digest& digest, StoredManifestPtr manifest);
  struct Stats {
    std::uint64_t hits = 0, misses = 0;  // of find(), since the start
    std::size_t bytes = 0;               // kept now
  };
  [[nodiscard]] Stats stats() const;

 private:
  // A mutex each, so that I/O threads seldom wait for one another.
  struct Shard;
  [[nodiscard]] Shard& shard_of(const Digest& digest) const;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace bunker::registry
