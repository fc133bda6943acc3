// Collection: deletes what nothing refers to any more, beside pushes and pulls of any number of
// registryds on the same store. docs/collection.md has the protocol and why it is safe,
// tests/model/collection.pml its model; registryd/core/collection_guard.h is the pushers' half.
//
// Not for a store to which another registry program (distribution) writes at the same time: it
// links data that is there without telling anybody. A Collector runs once. One coroutine; cancel()
// and progress() from any thread. Owner: whoever wants the run.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/runtime/context.h"
#include "registryd/collect/plan.h"
#include "registryd/collect/scan.h"
#include "registryd/core/collection_guard.h"
#include "registryd/core/timer.h"
#include "registryd/storage/object_store.h"

namespace bunker::collect {

struct Options {
  // From the publication of what may go to the second look at whether it may. Pushes that began
  // before it and finish within it lose nothing that they found. More than bounds.link_within.
  std::chrono::nanoseconds grace = std::chrono::minutes(15);
  // What was written or linked within this time is spared.
  std::chrono::nanoseconds minimum_age = std::chrono::hours(24);
  bool delete_untagged = false;
  bool dry_run = false;  // only says what would go; writes nothing but a file to ask the time with
  bool offline = false;  // the caller knows that nobody writes: no grace
  bool force = false;    // even where another registry program seems to write
  std::size_t round_items = 8000;  // the most that is deleted between two looks at the rescues
  registry::CollectionBounds bounds;
};

enum class Phase { idle, marking, grace, checking, sweeping, ending, done, failed, cancelled };
[[nodiscard]] std::string_view to_string(Phase phase) noexcept;

struct Progress {
  Phase phase = Phase::idle;
  std::string run;
  ScanCounts scanned;            // of the scan under way, or the last
  std::uint64_t candidates = 0;  // blobs, links and manifests that may go
  std::uint64_t candidate_bytes = 0;
  std::uint64_t rescued = 0;  // of them, kept because a push came
  std::uint64_t deleted = 0;  // blobs, links and manifests
  std::uint64_t deleted_blobs = 0;
  std::uint64_t deleted_bytes = 0;
  bool resumed = false;  // the run of a collector that died is being finished
  std::vector<std::string> warnings;
};

struct Hooks {
  // After each step, on the collector's thread; must not block.
  std::function<void(const Progress&)> progress;
  // With dry_run: everything that would go.
  std::function<void(const Item&)> would_remove;
};

class Collector {
 public:
  // All outlive the collector. `store` is an exact one; where there is a cache it is the cache's,
  // so that deletions reach it. `clock` is only asked whether this machine was suspended.
  struct Deps {
    storage::ObjectStore& store;
    const registry::Timer& timer;
    const Clock& clock;
  };
  Collector(Deps deps, Options options, Hooks hooks);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // conflict: another collection is under way. cancelled. unsupported: another registry program
  // writes to the store. invalid: options that do not fit together. Errors of the store: what was
  // done stays done, and the next run goes on.
  Task<Result<Progress>> run(Context& context);

  // The run ends at its next step, leaving nothing behind.
  void cancel() noexcept { cancelled_.store(true); }
  [[nodiscard]] Progress progress() const;

 private:
  class Run;
  friend class Run;
  void report(const Progress& progress);

  const Deps deps_;
  const Options options_;
  const Hooks hooks_;
  std::atomic<bool> cancelled_ = false;
  mutable std::mutex mutex_;
  Progress progress_;
};

}  // namespace bunker::collect
