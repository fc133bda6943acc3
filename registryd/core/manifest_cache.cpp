#include "registryd/core/manifest_cache.h"

#include <list>
#include <mutex>
#include <unordered_map>

namespace bunker::registry {
namespace {

constexpr std::size_t kShards = 8;
// What an entry costs beside its bytes: nodes, digest text, media type.
constexpr std::size_t kOverhead = 512;

std::size_t cost_of(const StoredManifest& manifest) {
  return manifest.bytes->size() + kOverhead;
}

}  // namespace

struct ManifestCache::Shard {
  struct Entry {
    Digest digest;
    StoredManifestPtr manifest;
  };

  explicit Shard(std::size_t limit) : max_bytes(limit) {}

  mutable std::mutex mutex;
  std::list<Entry> entries;  // the most recently used first
  std::unordered_map<Digest, std::list<Entry>::iterator> places;
  std::size_t bytes = 0;
  std::uint64_t hits = 0, misses = 0;
  const std::size_t max_bytes;
};

ManifestCache::ManifestCache(std::size_t max_bytes) {
  shards_.reserve(kShards);
  for (std::size_t i = 0; i < kShards; ++i) {
    shards_.push_back(std::make_unique<Shard>(max_bytes / kShards));
  }
}

ManifestCache::~ManifestCache() = default;

ManifestCache::Shard& ManifestCache::shard_of(const Digest& digest) const {
  return *shards_[static_cast<unsigned char>(digest.hex().back()) % kShards];
}

StoredManifestPtr ManifestCache::find(const Digest& digest) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const auto place = shard.places.find(digest);
  if (place == shard.places.end()) {
    ++shard.misses;
    return nullptr;
  }
  ++shard.hits;
  shard.entries.splice(shard.entries.begin(), shard.entries, place->second);
  return place->second->manifest;
}

void ManifestCache::insert(const Digest& digest, StoredManifestPtr manifest) {
  Shard& shard = shard_of(digest);
  const std::size_t cost = cost_of(*manifest);
  const std::lock_guard lock(shard.mutex);
  if (cost > shard.max_bytes || shard.places.contains(digest)) return;
  shard.entries.push_front({digest, std::move(manifest)});
  shard.places.emplace(digest, shard.entries.begin());
  shard.bytes += cost;
  while (shard.bytes > shard.max_bytes) {
    const Shard::Entry& oldest = shard.entries.back();
    shard.bytes -= cost_of(*oldest.manifest);
    shard.places.erase(oldest.digest);
    shard.entries.pop_back();
  }
}

ManifestCache::Stats ManifestCache::stats() const {
  Stats sum;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    sum.hits += shard->hits;
    sum.misses += shard->misses;
    sum.bytes += shard->bytes;
  }
  return sum;
}

}  // namespace bunker::registry
