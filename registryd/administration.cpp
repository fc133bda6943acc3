#include "registryd/administration.h"

#include <future>

#include "lib/observability/metrics.h"

namespace bunker {
namespace {

constexpr std::chrono::seconds kFlushTime{20};

Task<void> flush_and_tell(cache::CachingStore& cache, std::shared_ptr<std::promise<void>> done) {
  co_await cache.flush();
  done->set_value();
}

}  // namespace

Result<void> Administration::start_collection(const admin::CollectionRequest& request) {
  if (deps_.registry.read_only() && !request.dry_run) {
    return fail(Code::unsupported, "the registry is read-only",
                "accept writes again, or ask for a dry run");
  }
  collect::Options options = deps_.collections.defaults();
  options.dry_run = request.dry_run;
  if (request.delete_untagged) options.delete_untagged = *request.delete_untagged;
  if (request.grace) options.grace = *request.grace;
  if (request.minimum_age) options.minimum_age = *request.minimum_age;
  return deps_.collections.start(options);
}

admin::CollectionStatus Administration::collection() {
  const auto status = deps_.collections.status();
  const collect::Progress& progress = status.progress;
  admin::CollectionStatus out;
  out.phase = collect::to_string(progress.phase);
  out.run = progress.run;
  out.running = status.running;
  out.dry_run = status.dry_run;
  out.resumed = progress.resumed;
  out.repositories = progress.scanned.repositories;
  out.manifests = progress.scanned.manifests;
  out.blobs = progress.scanned.blobs;
  out.bytes = progress.scanned.bytes;
  out.candidates = progress.candidates;
  out.candidate_bytes = progress.candidate_bytes;
  out.rescued = progress.rescued;
  out.deleted = progress.deleted;
  out.deleted_blobs = progress.deleted_blobs;
  out.deleted_bytes = progress.deleted_bytes;
  out.error = status.error;
  out.warnings = progress.warnings;
  return out;
}

void Administration::cancel_collection() {
  deps_.collections.cancel();
}

void Administration::set_read_only(bool read_only) {
  deps_.registry.set_read_only(read_only);
}

Result<void> Administration::flush_cache() {
  if (deps_.cache == nullptr) return {};
  const auto done = std::make_shared<std::promise<void>>();
  auto flushed = done->get_future();
  deps_.threads.spawn(0, [&cache = *deps_.cache, done] { return flush_and_tell(cache, done); });
  if (flushed.wait_for(kFlushTime) == std::future_status::ready) return {};
  return fail(Code::retry_later, "the cache is not flushed yet", "look whether Redis answers");
}

admin::Statistics Administration::statistics() {
  admin::Statistics out;
  out.version = build_version();
  out.revision = build_revision();
  out.storage_driver = deps_.store.driver();
  out.uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_);
  out.read_only = deps_.registry.read_only();
  out.healthy = deps_.health.healthy();
  if (deps_.cache != nullptr) {
    const auto cache = deps_.cache->statistics();
    out.cache_requests = cache.requests;
    out.cache_hits = cache.hits;
    out.cache_entries = cache.entries;
  }
  out.collection_looks = deps_.registry.guard().looks();
  out.collection_rescues = deps_.registry.guard().rescues();
  return out;
}

}  // namespace bunker
