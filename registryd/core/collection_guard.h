// What a push does so that a collection, run by whatever process, takes nothing that the push
// relies on: docs/collection.md has the protocol, tests/model/collection.pml its model.
//
// While no collection is open it costs one listing every `view_age` at most, and only while there
// are pushes. Thread-safe. Owner: Registry; the store and the timer outlive it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "lib/runtime/context.h"
#include "lib/runtime/semaphore.h"
#include "registryd/core/collection_keys.h"
#include "registryd/core/digest.h"
#include "registryd/core/digest_set.h"
#include "registryd/core/timer.h"
#include "registryd/storage/object_store.h"

namespace bunker::registry {

// The bounds that replicas and collectors share. A collector's grace is longer than `link_within`.
struct CollectionBounds {
  // How long a replica trusts what it saw of the runs.
  std::chrono::nanoseconds view_age = std::chrono::seconds(5);
  // From looking at the runs to the last link that rests on it; later ones are checked again.
  std::chrono::nanoseconds link_within = std::chrono::seconds(15);
  // A collector whose beat is older than this, by the store's clock, deletes nothing any more.
  std::chrono::nanoseconds dead_after = std::chrono::seconds(60);
  // How long a replica may believe that what it wrote is there still (registryd/cache/ages.h).
  std::chrono::nanoseconds known_for = std::chrono::seconds(600);
};

class CollectionGuard {
 public:
  CollectionGuard(storage::ObjectStore& store, const Timer& timer, CollectionBounds bounds);
  ~CollectionGuard();
  CollectionGuard(const CollectionGuard&) = delete;
  CollectionGuard& operator=(const CollectionGuard&) = delete;

  // Until when links may rest on what protect() found.
  struct Protection {
    SteadyTime until;
  };

  // After this, what is stored of `digests`, and the links to it, is not collected: so whether it
  // is there is to be looked at now, not before. Waits where it is being deleted; retry_later when
  // that takes too long. The links that rely on it are to be written before `until`; where
  // in_time() says that they were not, protect and look again.
  Task<Result<Protection>> protect(Context& context, std::vector<Digest> digests);
  [[nodiscard]] bool in_time(const Protection& protection) const;

  // Listings made, and digests kept from a collection, since the start. For metrics and tests.
  [[nodiscard]] std::uint64_t looks() const noexcept { return looks_.load(); }
  [[nodiscard]] std::uint64_t rescues() const noexcept { return rescues_.load(); }

 private:
  // The open runs, as listed at an instant.
  struct View {
    SteadyTime taken;
    std::map<std::string, bool> runs;  // whether it sweeps
  };
  using ViewPtr = std::shared_ptr<const View>;
  // What is known of an open run; it never changes, so it is kept while the run is open.
  struct Run;
  struct Threat {  // a candidate of a run
    std::string run;
    Digest digest;
  };

  Task<Result<ViewPtr>> recent_view(Context& context);
  Task<Result<ViewPtr>> look(Context& context);
  void keep(const ViewPtr& view);
  [[nodiscard]] ViewPtr kept_view() const;
  std::shared_ptr<Run> known_run(const std::string& run);
  Task<Result<std::vector<Threat>>> threats(Context& context, const View& view,
                                            const std::vector<Digest>& digests);
  Task<Result<bool>> is_candidate(Context& context, const std::string& name, Run& run,
                                  const Digest& digest);
  Task<Result<void>> rescue(Context& context, const std::vector<Threat>& threats);
  // Waits until what `run` was deleting when it was first asked is deleted, or nothing any more.
  Task<Result<void>> outwait(Context& context, const std::string& run, const Digest& rescued);
  Task<Result<bool>> is_dead(Context& context, const std::string& run, const Digest& rescued);

  storage::ObjectStore& store_;
  const Timer& timer_;
  const CollectionBounds bounds_;
  Semaphore looking_{1};  // one listing serves all who find the view too old
  mutable std::mutex mutex_;
  ViewPtr view_;
  std::map<std::string, std::shared_ptr<Run>> runs_;
  std::atomic<std::uint64_t> looks_ = 0;
  std::atomic<std::uint64_t> rescues_ = 0;
};

}  // namespace bunker::registry
