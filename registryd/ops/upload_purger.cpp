#include "registryd/ops/upload_purger.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "lib/base/random.h"

namespace bunker::ops {
namespace {

struct Purge {
  registry::Registry& registry;
  PurgeOptions options;
  Logger& log;
  Counter& removed;
  Counter& succeeded;
  Counter& failed;
  Gauge& last_success;
};

Counter& runs(Metrics& metrics, std::string_view result) {
  return metrics.counter("bunker_upload_purge_runs_total",
                         "Searches for uploads that nobody came back to.",
                         {{"result", std::string(result)}});
}

Task<void> run_purge(std::shared_ptr<Purge> purge) {
  const auto start = std::chrono::steady_clock::now();
  Context context{.request_id = "upload-purge", .deadline = start + purge->options.interval};
  const auto report =
      co_await purge->registry.purge_uploads(context, purge->options.age, purge->options.dry_run);
  if (!report) {
    purge->failed.add();
    purge->log.warn("upload purge failed", {{"error", to_string(report.error())}});
    co_return;
  }
  purge->succeeded.add();
  if (!purge->options.dry_run) purge->removed.add(static_cast<double>(report->removed));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  purge->last_success.set(now.count());
  purge->log.info("uploads purged", {{"removed", report->removed},
                                     {"kept", report->kept},
                                     {"dry_run", purge->options.dry_run},
                                     {"seconds", took.count()}});
}

std::chrono::nanoseconds random_delay(std::chrono::nanoseconds most) {
  std::uint64_t number = 0;
  std::memcpy(&number, random_bytes(sizeof number).data(), sizeof number);
  return std::chrono::nanoseconds(number % static_cast<std::uint64_t>(most.count()));
}

}  // namespace

UploadPurger::UploadPurger(IoThreads& threads, registry::Registry& registry, PurgeOptions options,
                           Logger& log, Metrics& metrics)
    : task_(threads,
            {.first_delay = random_delay(
                 std::min<std::chrono::nanoseconds>(options.interval, std::chrono::hours(1))),
             .interval = options.interval},
            [purge = std::make_shared<Purge>(
                 Purge{.registry = registry,
                       .options = options,
                       .log = log,
                       .removed = metrics.counter("bunker_upload_purge_removed_total",
                                                  "Uploads that were removed as left behind."),
                       .succeeded = runs(metrics, "ok"),
                       .failed = runs(metrics, "failed"),
                       .last_success = metrics.gauge(
                           "bunker_upload_purge_last_success_timestamp_seconds",
                           "When such a search last went through, in Unix time; 0 for never.")})] {
              return run_purge(purge);
            }) {}

}  // namespace bunker::ops
