#include "registryd/core/collection_guard.h"

#include <algorithm>
#include <utility>

#include "lib/runtime/io_threads.h"
#include "registryd/core/errors.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kParallel = 16;
constexpr std::size_t kMaxRuns = 1000;
constexpr std::size_t kMaxMark = 256;            // bytes of `open` and `sweep`
constexpr std::size_t kMaxShard = 512u << 20;    // bytes of a candidates object
constexpr std::size_t kMaxRounds = 16;           // runs that open one after the other meanwhile
constexpr std::chrono::milliseconds kPoll{200};  // while something is being deleted

DigestSet parse_lines(std::string_view text) {
  DigestSet out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const auto digest = Digest::parse(text.substr(0, end))) out.add(*digest);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.seal();
  return out;
}

}  // namespace

struct CollectionGuard::Run {
  std::mutex mutex;
  std::optional<std::size_t> digits;
  std::map<std::string, std::shared_ptr<const DigestSet>> shards;
  std::set<Digest> settled;  // nothing more is to be done for these, as long as the run lasts
};

CollectionGuard::CollectionGuard(storage::ObjectStore& store, const Timer& timer,
                                 CollectionBounds bounds)
    : store_(store), timer_(timer), bounds_(bounds) {}

CollectionGuard::~CollectionGuard() = default;

bool CollectionGuard::in_time(const Protection& protection) const {
  return timer_.now() < protection.until;
}

CollectionGuard::ViewPtr CollectionGuard::kept_view() const {
  const std::lock_guard lock(mutex_);
  if (view_ && timer_.now() - view_->taken < bounds_.view_age) return view_;
  return nullptr;
}

void CollectionGuard::keep(const ViewPtr& view) {
  const std::lock_guard lock(mutex_);
  if (view_ && view_->taken > view->taken) return;
  view_ = view;
  std::erase_if(runs_, [&](const auto& known) { return !view->runs.contains(known.first); });
}

std::shared_ptr<CollectionGuard::Run> CollectionGuard::known_run(const std::string& run) {
  const std::lock_guard lock(mutex_);
  auto& known = runs_[run];
  if (!known) known = std::make_shared<Run>();
  return known;
}

Task<Result<CollectionGuard::ViewPtr>> CollectionGuard::recent_view(Context& context) {
  if (ViewPtr view = kept_view()) co_return view;
  BUNKER_CO_TRY_ASSIGN(const Permits turn, co_await looking_.acquire(1, context.deadline));
  if (ViewPtr view = kept_view()) co_return view;
  co_return co_await look(context);
}

Task<Result<CollectionGuard::ViewPtr>> CollectionGuard::look(Context& context) {
  auto view = std::make_shared<View>();
  view->taken = timer_.now();  // before the call: what it shows may be as old as that
  storage::ListOptions options;
  options.limit = kMaxRuns;
  ++looks_;
  std::map<std::string, bool> sweeping;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(const auto page,
                         co_await store_.list(context, std::string(collection::kRuns), options));
    for (const auto& entry : page.entries) {
      const auto mark = collection::parse_run_key(entry.key);
      if (!mark) continue;
      if (mark->mark == collection::Mark::open) view->runs.emplace(mark->run, false);
      if (mark->mark == collection::Mark::sweep) sweeping[mark->run] = true;
    }
    if (!page.truncated || page.entries.empty()) break;
    options.start_after = page.entries.back().key;
  }
  for (auto& [run, sweeps] : view->runs) sweeps = sweeping.contains(run);
  keep(view);
  co_return ViewPtr(std::move(view));
}

Task<Result<bool>> CollectionGuard::is_candidate(Context& context, const std::string& name,
                                                 Run& run, const Digest& digest) {
  std::unique_lock lock(run.mutex);
  if (run.settled.contains(digest)) co_return false;
  if (!run.digits) {
    lock.unlock();
    auto text = co_await store_.read(context, collection::open_key(name), kMaxMark);
    if (!text && text.error().code == Code::not_found) co_return false;  // it is over
    if (!text) co_return fail(std::move(text).error());
    const auto digits = collection::parse_open(*text);
    if (!digits) {
      co_return fail(Code::retry_later, "a collection of a later version is open",
                     "run the same version of registryd everywhere");
    }
    lock.lock();
    run.digits = digits;
  }
  const std::string shard = collection::shard_of(digest, *run.digits);
  if (const auto known = run.shards.find(shard); known != run.shards.end()) {
    co_return known->second->contains(digest);
  }
  lock.unlock();
  auto text = co_await store_.read(context, collection::candidates_key(name, shard), kMaxShard);
  // Every part is there before the run opens, and goes only when it is over.
  if (!text && text.error().code == Code::not_found) co_return false;
  if (!text) co_return fail(std::move(text).error());
  const auto set = std::make_shared<const DigestSet>(parse_lines(*text));
  lock.lock();
  run.shards[shard] = set;
  co_return set->contains(digest);
}

Task<Result<std::vector<CollectionGuard::Threat>>> CollectionGuard::threats(
    Context& context, const View& view, const std::vector<Digest>& digests) {
  std::vector<Threat> out;
  for (const auto& [name, sweeps] : view.runs) {
    const auto run = known_run(name);
    for (const Digest& digest : digests) {
      BUNKER_CO_TRY_ASSIGN(const bool candidate,
                           co_await is_candidate(context, name, *run, digest));
      if (candidate) out.push_back({name, digest});
    }
  }
  co_return out;
}

Task<Result<void>> CollectionGuard::rescue(Context& context, const std::vector<Threat>& threats) {
  std::vector<Task<Result<void>>> puts;
  puts.reserve(threats.size());
  for (const Threat& threat : threats) {
    puts.push_back(
        store_.put(context, collection::rescue_key(threat.run, threat.digest), std::string()));
  }
  auto results = co_await when_all(std::move(puts), kParallel);
  for (auto& result : results) BUNKER_CO_TRY(std::move(result));
  rescues_ += threats.size();
  co_return Result<void>();
}

Task<Result<bool>> CollectionGuard::is_dead(Context& context, const std::string& run,
                                            const Digest& rescued) {
  // Both times are the store's, so no clock of ours is compared with another.
  const auto key = collection::rescue_key(run, rescued);
  BUNKER_CO_TRY(co_await store_.put(context, key, std::string()));
  BUNKER_CO_TRY_ASSIGN(const auto now, co_await store_.head(context, key));
  const auto beat = co_await store_.head(context, collection::beat_key(run));
  if (!beat && beat.error().code != Code::not_found) co_return fail(beat.error());
  co_return beat&& now.modified - beat->modified > bounds_.dead_after;
}

Task<Result<void>> CollectionGuard::outwait(Context& context, const std::string& run,
                                            const Digest& rescued) {
  const SteadyTime give_up =
      std::min(context.deadline, timer_.now() + bounds_.dead_after + bounds_.dead_after / 2);
  std::optional<std::string> first;
  SteadyTime next_check = timer_.now() + bounds_.dead_after / 8;
  while (true) {
    auto round = co_await store_.read(context, collection::sweep_key(run), kMaxMark);
    if (!round && round.error().code == Code::not_found) co_return Result<void>();
    if (!round) co_return fail(std::move(round).error());
    // Later rounds list the rescues again, and find ours.
    if (first && *first != *round) co_return Result<void>();
    first = *std::move(round);
    if (timer_.now() >= next_check) {
      BUNKER_CO_TRY_ASSIGN(const bool dead, co_await is_dead(context, run, rescued));
      if (dead) co_return Result<void>();
      next_check = timer_.now() + bounds_.dead_after / 8;
    }
    if (timer_.now() >= give_up) {
      co_return fail(Code::retry_later, "what the push relies on is being collected just now",
                     "try again in a minute");
    }
    co_await timer_.sleep(kPoll);
  }
}

Task<Result<CollectionGuard::Protection>> CollectionGuard::protect(Context& context,
                                                                   std::vector<Digest> digests) {
  BUNKER_CO_TRY_ASSIGN(ViewPtr view, co_await recent_view(context));
  for (std::size_t round = 0; round < kMaxRounds; ++round) {
    if (view->runs.empty()) co_return Protection{view->taken + bounds_.link_within};
    BUNKER_CO_TRY_ASSIGN(const auto found, co_await threats(context, *view, digests));
    if (found.empty()) co_return Protection{view->taken + bounds_.link_within};
    BUNKER_CO_TRY(co_await rescue(context, found));
    // The other half of the handshake: a collector marks its sweep, then lists the rescues.
    BUNKER_CO_TRY_ASSIGN(view, co_await look(context));
    std::set<std::string> waited;
    for (const Threat& threat : found) {
      const auto run = view->runs.find(threat.run);
      if (run == view->runs.end()) continue;
      if (run->second && waited.insert(threat.run).second) {
        BUNKER_CO_TRY(co_await outwait(context, threat.run, threat.digest));
      }
      const auto known = known_run(threat.run);
      const std::lock_guard lock(known->mutex);
      known->settled.insert(threat.digest);
    }
    // Whatever opened meanwhile is looked at in the next round.
    if (timer_.now() - view->taken >= bounds_.view_age) {
      BUNKER_CO_TRY_ASSIGN(view, co_await look(context));
    }
  }
  co_return fail(Code::retry_later, "collections open faster than a push can look at them");
}

}  // namespace bunker::registry
