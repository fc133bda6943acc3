// Deletion in rounds. Each one is marked, then the rescues are listed: a push writes its rescue,
// then looks for the mark, so one of the two sees the other.
#include <algorithm>
#include <utility>

#include "registryd/collect/run.h"
#include "registryd/core/collection_keys.h"

namespace bunker::collect {

namespace keys = registry::collection;

namespace {

// Large rounds keep more calls in flight; but pushes may wait for the end of one, and it must end
// before the collector is taken for dead.
constexpr std::size_t kFirstRound = 4000;
constexpr std::size_t kSmallestRound = 1000;
constexpr std::chrono::seconds kShortRound{5};
constexpr std::chrono::seconds kLongRound{15};

}  // namespace

Task<Result<void>> Collector::Run::sweep(std::vector<Item> doomed) {
  progress_.phase = Phase::sweeping;
  for (const Item& item : doomed) {
    if (item.kind == Kind::revision) revisions_.insert(item.digest);
    if (item.target) targets_[item.digest].push_back(*item.target);
  }
  std::size_t number = 0;
  const std::size_t smallest = std::min(kSmallestRound, options().round_items);
  std::size_t size = std::min(kFirstRound, options().round_items);
  for (auto from = doomed.begin(); from != doomed.end();) {
    const auto limit =
        std::min<std::ptrdiff_t>(doomed.end() - from, static_cast<std::ptrdiff_t>(size));
    const auto to = std::find_if(from, from + limit,
                                 [&](const Item& item) { return !same_stage(item, *from); });
    std::vector<Item> round(std::make_move_iterator(from), std::make_move_iterator(to));
    const SteadyTime began = now();
    BUNKER_CO_TRY(co_await remove_round(std::move(round), ++number));
    if (now() - began < kShortRound) size = std::min(size * 2, options().round_items);
    if (now() - began > kLongRound) size = std::max(size / 2, smallest);
    from = to;
  }
  co_return Result<void>();
}

Task<Result<void>> Collector::Run::remove_round(std::vector<Item> items, std::size_t number) {
  BUNKER_CO_TRY(co_await tick());
  // Whoever took this collector for dead has ended its run.
  BUNKER_CO_TRY(co_await store().put(context_, keys::sweep_key(id_), std::to_string(number)));
  const auto open = co_await store().head(context_, keys::open_key(id_));
  if (!open) {
    co_return fail(Code::conflict, "the collection was ended by another collector",
                   "it goes on with the work");
  }
  BUNKER_CO_TRY(co_await take_rescues());

  const auto kept =
      std::erase_if(items, [&](const Item& item) { return kept_.contains(item.digest); });
  progress_.rescued += kept;
  std::vector<storage::ObjectKey> doomed;
  doomed.reserve(items.size());
  for (const Item& item : items) doomed.push_back(item.object_key());
  BUNKER_CO_TRY(check_awake());
  // No deletion is under way any more when others take this collector for dead.
  Context bounded = context_;
  bounded.deadline = std::min(context_.deadline, beaten_ + options().bounds.dead_after * 2 / 3);
  BUNKER_CO_TRY(co_await store().remove(bounded, std::move(doomed)));
  for (const Item& item : items) {
    ++progress_.deleted;
    if (item.kind != Kind::data) continue;
    ++progress_.deleted_blobs;
    progress_.deleted_bytes += item.size;
  }
  co_return co_await tick();
}

Task<Result<void>> Collector::Run::take_rescues() {
  BUNKER_CO_TRY_ASSIGN(const auto entries, co_await list_all(keys::rescue_prefix(id_)));
  for (const auto& entry : entries) {
    const auto digest = keys::parse_rescue_key(id_, entry.key);
    if (!digest || !rescued_.insert(PackedDigest(*digest)).second) continue;
    BUNKER_CO_TRY(co_await keep(PackedDigest(*digest)));
  }
  co_return Result<void>();
}

// A manifest that is kept keeps what it holds, its subject and its referrers. What it holds is
// deleted in later rounds than itself, so it is all there still.
Task<Result<void>> Collector::Run::keep(PackedDigest digest) {
  std::vector<PackedDigest> pending{digest};
  while (!pending.empty()) {
    const PackedDigest next = pending.back();
    pending.pop_back();
    if (!kept_.insert(next).second) continue;
    if (const auto link = targets_.find(next); link != targets_.end()) {
      std::ranges::copy(link->second, std::back_inserter(pending));
    }
    if (!revisions_.contains(next)) continue;
    BUNKER_CO_TRY(co_await learn_referrers());
    BUNKER_CO_TRY_ASSIGN(const auto read, co_await reader_.read(context_, {next.unpack()}));
    std::ranges::copy(read.front().holds, std::back_inserter(pending));
    if (read.front().subject) pending.push_back(*read.front().subject);
    if (const auto found = referrers_->find(next); found != referrers_->end()) {
      std::ranges::copy(found->second, std::back_inserter(pending));
    }
  }
  co_return Result<void>();
}

Task<Result<void>> Collector::Run::learn_referrers() {
  if (referrers_) co_return Result<void>();
  std::map<PackedDigest, std::vector<PackedDigest>> out;
  for (const PackedDigest& revision : revisions_) {
    BUNKER_CO_TRY_ASSIGN(const auto read, co_await reader_.read(context_, {revision.unpack()}));
    if (read.front().subject) out[*read.front().subject].push_back(revision);
  }
  referrers_ = std::move(out);
  co_return Result<void>();
}

}  // namespace bunker::collect
