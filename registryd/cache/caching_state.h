// What the two faces of a CachingStore, and the uploads that it opened, have in common. For the
// .cpp files of registryd/cache alone.
#pragma once

#include <atomic>
#include <string_view>

#include "lib/observability/metrics.h"
#include "registryd/cache/ages.h"
#include "registryd/cache/expiring_map.h"
#include "registryd/cache/facts.h"
#include "registryd/cache/fresh_calls.h"
#include "registryd/cache/joined_calls.h"

namespace bunker::cache {

enum class Kind : unsigned char {
  other,  // is not remembered
  link,   // of a blob or a manifest to a repository
  data,   // the bytes of a blob or a manifest
};
[[nodiscard]] Kind kind_of(std::string_view key);

// Thread-safe.
class CachingState {
 public:
  CachingState(storage::ObjectStore& inner_store, SharedFacts* shared_facts, std::size_t entries,
               Metrics& metrics);

  // What is remembered, here or in the shared cache.
  Task<std::optional<Fact>> known(storage::ObjectKey key, Kind kind, bool with_content);

  // A question to the store, or a write, from its beginning on.
  struct Asked {
    SteadyTime since;
    ExpiringMap<Fact>::Ticket ticket = 0;
  };
  [[nodiscard]] Asked ask(const storage::ObjectKey& key);
  // Remembers what came of it.
  Task<void> keep(storage::ObjectKey key, Kind kind, Fact fact, Asked asked);

  // The store says that it is not there.
  void missed(const storage::ObjectKey& key);
  // Before and after the removal of objects.
  void forget_here(const storage::ObjectKey& key);
  Task<void> forget(std::vector<storage::ObjectKey> keys);
  Task<void> clear();

  // The bytes that this process wrote. `visible`: under their key, not only on their way there.
  void wrote(const storage::ObjectKey& key, std::uint64_t size, SteadyTime since, bool visible);
  // Bytes that were on their way are visible now; their size, where it is known that they are.
  std::optional<std::uint64_t> became_visible(const storage::ObjectKey& key);
  // The size of bytes that this process wrote not long ago.
  [[nodiscard]] std::optional<std::uint64_t> written(const storage::ObjectKey& key);

  [[nodiscard]] std::size_t entries() { return facts_.size(); }

  storage::ObjectStore& inner;
  JoinedCalls<storage::ObjectInfo> heads;
  JoinedCalls<std::string> reads;
  FreshCalls<std::string> fresh_reads;  // of what may change, such as tags
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> hits = 0;

 private:
  struct Written {
    std::uint64_t size = 0;
    SteadyTime until;
    bool visible = false;
  };

  [[nodiscard]] std::optional<Fact> count_hit(Fact fact);

  SharedFacts* const shared_;
  ExpiringMap<Fact> facts_;
  ExpiringMap<Written> written_;
  Counter& requests_metric_;
  Counter& hits_metric_;
};

}  // namespace bunker::cache
