#include "registryd/ops/collection_service.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lib/base/random.h"
#include "registryd/core/collection_keys.h"

namespace bunker::ops {
namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kLast = "last";  // beside the runs: when a scheduled one went through

storage::ObjectKey last_key() {
  return std::string(registry::collection::kCollect) + std::string(kLast);
}

nanoseconds random_delay(nanoseconds most) {
  std::uint64_t number = 0;
  std::memcpy(&number, random_bytes(sizeof number).data(), sizeof number);
  return nanoseconds(number % static_cast<std::uint64_t>(std::max<std::int64_t>(1, most.count())));
}

// How often a replica looks whether it is time: often enough to finish soon what another began.
nanoseconds look_every(nanoseconds interval) {
  return std::clamp<nanoseconds>(interval / 4, std::chrono::seconds(1), std::chrono::minutes(15));
}

double now_in_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

struct CollectionService::State {
  State(Deps parts, collect::Options options)
      : deps(parts),
        defaults(options),
        succeeded(runs("ok")),
        failed(runs("failed")),
        cancelled(runs("cancelled")),
        blobs(deps.metrics.counter("bunker_collection_deleted_blobs_total",
                                   "Blobs and manifests whose bytes were deleted.")),
        bytes(deps.metrics.counter("bunker_collection_deleted_bytes_total",
                                   "Bytes of blobs and manifests that were deleted.")),
        rescued(deps.metrics.counter(
            "bunker_collection_rescued_total",
            "Blobs, links and manifests that were to go, and that a push came to need.")),
        active(deps.metrics.gauge("bunker_collection_running",
                                  "Whether this replica collects just now.")),
        last_success(deps.metrics.gauge(
            "bunker_collection_last_success_timestamp_seconds",
            "When a collection of this replica last went through, in Unix time; 0 for never.")) {
    Gauge& looks =
        deps.metrics.gauge("bunker_collection_looks",
                           "Listings that pushes made to see whether a collection is open.");
    deps.metrics.on_scrape(
        [&looks, &guard = deps.guard] { looks.set(static_cast<double>(guard.looks())); });
  }

  Counter& runs(std::string_view result) {
    return deps.metrics.counter("bunker_collection_runs_total", "Collections of this replica.",
                                {{"result", std::string(result)}});
  }

  // Makes this the one that runs; null when another does, or nothing is to begin any more.
  std::shared_ptr<collect::Collector> begin(const collect::Options& options) {
    const std::lock_guard lock(mutex);
    if (stopped || running) return nullptr;
    status = {};
    status.running = true;
    status.dry_run = options.dry_run;
    running = std::make_shared<collect::Collector>(
        collect::Collector::Deps{deps.store, deps.timer, deps.clock}, options, collect::Hooks{});
    return running;
  }

  Task<Result<void>> run(std::shared_ptr<collect::Collector> collector) {
    active.set(1);
    deps.log.info("collection begins", {{"dry_run", status_now().dry_run}});
    const SteadyTime start = std::chrono::steady_clock::now();
    Context context{.request_id = "collection", .deadline = SteadyTime::max()};
    const auto result = co_await collector->run(context);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    report(collector->progress(), result, took.count());
    active.set(0);
    const std::lock_guard lock(mutex);
    status.progress = collector->progress();
    status.running = false;
    if (!result) status.error = to_string(result.error());
    running.reset();
    ended.notify_all();
    if (!result) co_return fail(result.error());
    co_return Result<void>();
  }

  void report(const collect::Progress& progress, const Result<collect::Progress>& result,
              double seconds) {
    blobs.add(static_cast<double>(progress.deleted_blobs));
    bytes.add(static_cast<double>(progress.deleted_bytes));
    rescued.add(static_cast<double>(progress.rescued));
    for (const std::string& warning : progress.warnings) deps.log.warn(warning);
    if (!result) {
      const bool wanted = result.error().code == Code::cancelled;
      (wanted ? cancelled : failed).add();
      deps.log.log(
          wanted ? LogLevel::info : LogLevel::warn, "collection ended early",
          {{"error", to_string(result.error())}, {"deleted_blobs", progress.deleted_blobs}});
      return;
    }
    succeeded.add();
    last_success.set(now_in_seconds());
    deps.log.info("collection done", {{"blobs", progress.scanned.blobs},
                                      {"candidates", progress.candidates},
                                      {"deleted_blobs", progress.deleted_blobs},
                                      {"deleted_bytes", progress.deleted_bytes},
                                      {"rescued", progress.rescued},
                                      {"seconds", seconds}});
  }

  Status status_now() {
    const std::lock_guard lock(mutex);
    Status out = status;
    if (running) out.progress = running->progress();
    return out;
  }

  const Deps deps;
  const collect::Options defaults;
  Counter& succeeded;
  Counter& failed;
  Counter& cancelled;
  Counter& blobs;
  Counter& bytes;
  Counter& rescued;
  Gauge& active;
  Gauge& last_success;

  std::mutex mutex;
  std::condition_variable ended;
  bool stopped = false;
  std::shared_ptr<collect::Collector> running;
  Status status;
};

namespace {

// Whether no replica has collected for as long as `interval`.
Task<bool> is_time(storage::ObjectStore& store, const Clock& clock, nanoseconds interval) {
  Context context{.request_id = "collection", .deadline = SteadyTime::max()};
  const auto last = co_await store.head(context, last_key());
  co_return !last || clock.now() - last->modified >= interval;
}

}  // namespace

CollectionService::CollectionService(Deps deps, collect::Options defaults,
                                     std::optional<nanoseconds> every)
    : state_(std::make_shared<State>(deps, defaults)) {
  if (!every) return;
  const PeriodicTask::Options options{.first_delay = random_delay(look_every(*every)),
                                      .interval = look_every(*every)};
  // A plain function: what it captures would not outlive its first suspension otherwise.
  struct Scheduled {
    static Task<void> run(std::shared_ptr<State> state, nanoseconds interval) {
      if (!co_await is_time(state->deps.store, state->deps.clock, interval)) co_return;
      auto collector = state->begin(state->defaults);
      if (!collector) co_return;
      const auto done = co_await state->run(collector);
      // A run that was taken over looked only at what the dead one had found.
      if (!done || collector->progress().resumed) co_return;
      Context context{.request_id = "collection", .deadline = SteadyTime::max()};
      (void)co_await state->deps.store.put(context, last_key(), "bunker\n");
    }
  };
  schedule_.emplace(deps.threads, options, [state = state_, interval = *every] {
    return Scheduled::run(state, interval);
  });
}

CollectionService::~CollectionService() {
  stop();
}

const collect::Options& CollectionService::defaults() const noexcept {
  return state_->defaults;
}

Result<void> CollectionService::start(collect::Options options) {
  auto collector = state_->begin(options);
  if (!collector) {
    return fail(Code::already_exists, "this replica is collecting already",
                "wait until it is done, or cancel it");
  }
  struct Started {
    static Task<void> run(std::shared_ptr<State> state,
                          std::shared_ptr<collect::Collector> collector) {
      (void)co_await state->run(std::move(collector));
    }
  };
  state_->deps.threads.spawn(
      0, [state = state_, collector] { return Started::run(state, collector); });
  return {};
}

void CollectionService::cancel() {
  const std::lock_guard lock(state_->mutex);
  if (state_->running) state_->running->cancel();
}

CollectionService::Status CollectionService::status() const {
  return state_->status_now();
}

void CollectionService::stop() {
  {
    std::unique_lock lock(state_->mutex);
    state_->stopped = true;
    if (state_->running) state_->running->cancel();
    state_->ended.wait(lock, [this] { return !state_->running; });
  }
  if (schedule_) schedule_->stop();
}

}  // namespace bunker::ops
