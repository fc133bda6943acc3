// Who collects, and what time it is for the store: no clock of ours is compared with another's.
#include <algorithm>
#include <utility>

#include "registryd/collect/run.h"
#include "registryd/core/collection_keys.h"

namespace bunker::collect {

namespace keys = registry::collection;

Task<Result<SystemTime>> Collector::Run::store_time(storage::ObjectKey key) {
  BUNKER_CO_TRY(co_await store().put(context_, key, "bunker\n"));
  BUNKER_CO_TRY_ASSIGN(const auto info, co_await store().head(context_, key));
  co_return info.modified;
}

Task<Result<void>> Collector::Run::beat() {
  const SteadyTime began = now();
  const SystemTime wall = collector_.deps_.clock.now();
  BUNKER_CO_TRY_ASSIGN(store_now_, co_await store_time(keys::beat_key(id_)));
  beaten_ = began;
  beaten_wall_ = wall;
  co_return Result<void>();
}

// Both clocks are asked: the steady one stands still while a machine sleeps.
Result<void> Collector::Run::check_awake() const {
  const std::chrono::nanoseconds away = std::max<std::chrono::nanoseconds>(
      now() - beaten_, collector_.deps_.clock.now() - beaten_wall_);
  if (away < options().bounds.dead_after / 2) return {};
  return fail(Code::conflict, "this collector stood still for too long to go on safely",
              "the next run finishes what it began");
}

Task<Result<void>> Collector::Run::tick() {
  collector_.report(progress_);
  if (collector_.cancelled_.load()) co_return fail(Code::cancelled, "the collection was cancelled");
  if (!claimed_) co_return Result<void>();
  if (auto awake = check_awake(); !awake) {
    lost_ = true;
    co_return awake;
  }
  if (now() - beaten_ >= options().bounds.dead_after / 6) BUNKER_CO_TRY(co_await beat());
  co_return Result<void>();
}

Task<Result<std::vector<storage::ListEntry>>> Collector::Run::list_all(std::string prefix) {
  std::vector<storage::ListEntry> out;
  storage::ListOptions list;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(auto page, co_await store().list(context_, prefix, list));
    std::ranges::move(page.entries, std::back_inserter(out));
    if (!page.truncated || out.empty()) co_return out;
    list.start_after = out.back().key;
  }
}

Task<Result<std::vector<Collector::Run::Other>>> Collector::Run::others() {
  BUNKER_CO_TRY_ASSIGN(const auto entries, co_await list_all(std::string(keys::kRuns)));
  std::vector<Other> out;  // the entries are sorted, so those of a run come together
  for (const auto& entry : entries) {
    const auto mark = keys::parse_run_key(entry.key);
    if (!mark || mark->run == id_) continue;
    if (out.empty() || out.back().id != mark->run) out.push_back({mark->run, {}, {}});
    if (mark->mark == keys::Mark::open) out.back().open = entry.info.modified;
    if (mark->mark == keys::Mark::beat) out.back().beat = entry.info.modified;
  }
  co_return out;
}

bool Collector::Run::is_dead(const Other& other) const {
  return !other.beat || store_now_ - *other.beat > options().bounds.dead_after;
}

// What pushes wrote for a run just after it was over, and what a collector that died left.
Task<Result<void>> Collector::Run::remove_litter() {
  std::set<std::string> named;
  for (const std::string& folder : {keys::candidates_prefix({}), keys::rescue_prefix({})}) {
    // "…/rescue//" of no run: the folder itself is that without the last '/'.
    const std::string prefix = folder.substr(0, folder.size() - 1);
    storage::ListOptions list;
    list.delimited = true;
    while (true) {
      BUNKER_CO_TRY_ASSIGN(const auto page, co_await store().list(context_, prefix, list));
      for (const auto& entry : page.entries) {
        if (!entry.key.ends_with('/')) continue;
        named.insert(entry.key.substr(prefix.size(), entry.key.size() - prefix.size() - 1));
      }
      if (!page.truncated || page.entries.empty()) break;
      list.start_after = page.entries.back().key;
    }
  }
  // Listed afterwards: a run has a key there from before it has others until after it has any.
  BUNKER_CO_TRY_ASSIGN(const auto runs, co_await others());
  named.erase(id_);
  for (const Other& other : runs) named.erase(other.id);
  for (const std::string& run : named) BUNKER_CO_TRY(co_await end(run));
  co_return Result<void>();
}

Task<Result<std::optional<Collector::Run::Other>>> Collector::Run::claim() {
  std::optional<Other> unfinished;
  BUNKER_CO_TRY_ASSIGN(const auto runs, co_await others());
  for (const Other& other : runs) {
    if (!is_dead(other)) {
      // Of two that begin at once the one with the lesser name goes on.
      if (!other.open && other.id > id_) continue;
      co_return fail(Code::conflict, "another collection is under way: " + other.id,
                     "wait until it is done, or cancel it");
    }
    if (other.open) {
      unfinished = other;
    } else {
      BUNKER_CO_TRY(co_await end(other.id));
    }
  }
  co_return unfinished;
}

}  // namespace bunker::collect
