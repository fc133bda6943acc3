// The stages of a run: mark, publish, wait, check again, sweep.
#include "registryd/collect/run.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <utility>

#include "lib/base/random.h"
#include "lib/runtime/io_threads.h"
#include "registryd/core/collection_keys.h"

namespace bunker::collect {
namespace {

namespace keys = registry::collection;

constexpr std::size_t kParallelCalls = 16;
constexpr std::size_t kMaxShard = 512u << 20;
constexpr std::chrono::milliseconds kStep{200};  // of waiting
constexpr std::chrono::hours kForeignUploads{24};

// Sorts by when it began, and tells a person so.
std::string new_run_id(SystemTime now) {
  const std::time_t time = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ-", &parts);
  return std::string(text.data(), size) + random_uuid().substr(0, 8);
}

}  // namespace

Collector::Run::Run(Collector& collector, Context& context)
    : collector_(collector), context_(context), reader_(collector.deps_.store) {
  id_ = new_run_id(collector.deps_.clock.now());
  progress_.run = id_;
}

Task<Result<Progress>> Collector::Run::execute() {
  Result<void> done;
  if (options().dry_run) {
    done = co_await dry_run();
  } else {
    done = co_await work();
  }
  // What is left behind of a run that failed would only make others wait.
  if (claimed_ && !lost_) {
    progress_.phase = Phase::ending;
    collector_.report(progress_);
    auto ended = co_await end(id_);
    if (done) done = std::move(ended);
  }
  if (done) {
    progress_.phase = Phase::done;
  } else if (done.error().code == Code::cancelled) {
    progress_.phase = Phase::cancelled;
  } else {
    progress_.phase = Phase::failed;
  }
  collector_.report(progress_);
  if (!done) co_return fail(std::move(done).error());
  co_return progress_;
}

Task<Result<void>> Collector::Run::dry_run() {
  const auto clock = keys::clock_key(id_);
  BUNKER_CO_TRY_ASSIGN(started_, co_await store_time(clock));
  BUNKER_CO_TRY(co_await store().remove(context_, {clock}));
  BUNKER_CO_TRY_ASSIGN(const auto found, co_await scan_once(nullptr));
  if (collector_.hooks_.would_remove) {
    for (const Item& item : found.unused) collector_.hooks_.would_remove(item);
  }
  co_return Result<void>();
}

Task<Result<void>> Collector::Run::work() {
  claimed_ = true;
  BUNKER_CO_TRY(co_await beat());
  started_ = store_now_;
  BUNKER_CO_TRY_ASSIGN(auto unfinished, co_await claim());
  BUNKER_CO_TRY(co_await remove_litter());
  if (unfinished) {
    BUNKER_CO_TRY(co_await take_over(*std::move(unfinished)));
  } else {
    BUNKER_CO_TRY(co_await find_candidates());
    if (candidates_.empty()) co_return Result<void>();
    BUNKER_CO_TRY(co_await publish());
  }
  BUNKER_CO_TRY(co_await wait_for_grace());
  progress_.phase = Phase::checking;
  // From here on every push that touches a candidate says so; what was linked before is seen now.
  BUNKER_CO_TRY_ASSIGN(auto found, co_await scan_once(&candidates_));
  co_return co_await sweep(std::move(found.unused));
}

Task<Result<ScanResult>> Collector::Run::scan_once(const DigestSet* only) {
  Rules rules;
  rules.delete_untagged = options().delete_untagged;
  rules.old_before =
      started_ - std::chrono::duration_cast<SystemTime::duration>(options().minimum_age);
  // Nobody writes: what was written within the second that has just begun is old as well.
  if (options().offline && options().minimum_age.count() <= 0) rules.old_before = SystemTime::max();
  rules.only = only;
  ScanHooks hooks;
  hooks.tick = [this](const ScanCounts& counts) {
    progress_.scanned = counts;
    return tick();
  };
  hooks.foreign_after = started_ - kForeignUploads;
  if (only == nullptr) progress_.phase = Phase::marking;
  BUNKER_CO_TRY_ASSIGN(auto found, co_await scan(context_, store(), reader_, rules, hooks));
  progress_.scanned = found.counts;
  progress_.warnings = found.warnings;
  progress_.candidates = found.unused.size();
  progress_.candidate_bytes = 0;
  for (const Item& item : found.unused) progress_.candidate_bytes += item.size;
  collector_.report(progress_);
  if (!found.foreign_upload.empty() && !options().force) {
    co_return fail(Code::unsupported,
                   "another registry program writes to this store: " + found.foreign_upload,
                   "collection is safe only where every writer is registryd; when that program is "
                   "stopped, wait a day, remove the file, or force the collection");
  }
  co_return found;
}

Task<Result<void>> Collector::Run::find_candidates() {
  BUNKER_CO_TRY_ASSIGN(const auto found, co_await scan_once(nullptr));
  for (const Item& item : found.unused) {
    candidates_.add(item.digest);
    if (item.target) candidates_.add(*item.target);
  }
  candidates_.seal();
  co_return Result<void>();
}

// Every part, also of what is empty, and only then the key that opens the run.
Task<Result<void>> Collector::Run::publish() {
  BUNKER_CO_TRY(co_await claim());  // somebody may have been faster
  const std::size_t digits = keys::shard_digits(candidates_.size());
  std::map<std::string, std::string> shards;
  for (std::size_t i = 0, count = std::size_t{1} << (4 * digits); i < count; ++i) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string name;
    for (std::size_t at = digits; at-- > 0;) name += kHex[(i >> (4 * at)) & 15u];
    shards[name];
  }
  for (const PackedDigest& packed : candidates_) {
    const Digest digest = packed.unpack();
    shards[keys::shard_of(digest, digits)] += digest.str() + '\n';
  }
  std::vector<Task<Result<void>>> puts;
  for (auto& [name, text] : shards) {
    puts.push_back(store().put(context_, keys::candidates_key(id_, name), std::move(text)));
  }
  auto results = co_await when_all(std::move(puts), kParallelCalls);
  for (auto& result : results) BUNKER_CO_TRY(std::move(result));
  BUNKER_CO_TRY(co_await tick());
  BUNKER_CO_TRY(co_await store().put(context_, keys::open_key(id_), keys::print_open(digits)));
  open_since_ = now();
  co_return Result<void>();
}

// The dead run's candidates become ours, and what pushes rescued from it; then it ends. Both runs
// are open for as long as a push may rest on having seen only the old one.
Task<Result<void>> Collector::Run::take_over(Other dead) {
  progress_.resumed = true;
  BUNKER_CO_TRY_ASSIGN(const auto shards, co_await list_all(keys::candidates_prefix(dead.id)));
  for (const auto& entry : shards) {
    BUNKER_CO_TRY_ASSIGN(const std::string text,
                         co_await store().read(context_, entry.key, kMaxShard));
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (const auto digest = Digest::parse(rest.substr(0, end))) candidates_.add(*digest);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  candidates_.seal();
  BUNKER_CO_TRY(co_await publish());
  while (now() - open_since_ < options().bounds.link_within) {
    BUNKER_CO_TRY(co_await tick());
    co_await collector_.deps_.timer.sleep(kStep);
  }
  BUNKER_CO_TRY_ASSIGN(const auto rescues, co_await list_all(keys::rescue_prefix(dead.id)));
  for (const auto& entry : rescues) {
    const auto digest = keys::parse_rescue_key(dead.id, entry.key);
    if (!digest) continue;
    BUNKER_CO_TRY(co_await store().put(context_, keys::rescue_key(id_, *digest), std::string()));
    BUNKER_CO_TRY(co_await tick());
  }
  // The grace counts from when the candidates were first published.
  const auto waited = store_now_ - *dead.open;
  open_since_ =
      std::min(open_since_, now() - std::chrono::duration_cast<std::chrono::nanoseconds>(waited));
  co_return co_await end(dead.id);
}

Task<Result<void>> Collector::Run::wait_for_grace() {
  if (options().offline) co_return Result<void>();
  progress_.phase = Phase::grace;
  while (now() - open_since_ < options().grace) {
    BUNKER_CO_TRY(co_await tick());
    co_await collector_.deps_.timer.sleep(kStep);
  }
  co_return Result<void>();
}

// Without its `open` the run is over for everybody; the rest is litter from then on.
Task<Result<void>> Collector::Run::end(std::string run) {
  BUNKER_CO_TRY(co_await store().remove(context_, {keys::open_key(run)}));
  std::vector<storage::ObjectKey> litter{keys::sweep_key(run)};
  for (const std::string& prefix : {keys::candidates_prefix(run), keys::rescue_prefix(run)}) {
    BUNKER_CO_TRY_ASSIGN(const auto entries, co_await list_all(prefix));
    for (const auto& entry : entries) litter.push_back(entry.key);
  }
  BUNKER_CO_TRY(co_await store().remove(context_, std::move(litter)));
  co_return co_await store().remove(context_, {keys::beat_key(run)});
}

}  // namespace bunker::collect
