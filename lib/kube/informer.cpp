#include "lib/kube/informer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace bunker::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A watch that held for so long ends the trouble that there was before.
constexpr std::chrono::seconds kQuiet{120};
// One that ended sooner than this is resumed at once only so many times in a row.
constexpr std::chrono::seconds kHasty{1};
constexpr unsigned kHastyAllowed = 2;

Labels labels(const Resource& resource) {
  return {{"resource", resource.plural}};
}

}  // namespace

Informer::Informer(Client& client, Options options, ObjectCache& cache, Logger& log,
                   Metrics& metrics)
    : client_(client),
      options_(std::move(options)),
      cache_(cache),
      log_(log),
      lists_(metrics.counter("bunker_informer_lists_total", "Times that a kind was listed whole.",
                             labels(options_.resource))),
      watches_(metrics.counter("bunker_informer_watches_total", "Watches begun.",
                               labels(options_.resource))),
      failures_(metrics.counter("bunker_informer_failures_total",
                                "Lists and watches that failed, expired ones included.",
                                labels(options_.resource))) {}

void Informer::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const auto began = steady_clock::now();
    const Result<void> done = version_.empty() ? list() : watch(stop);
    if (stop.stop_requested()) return;
    const auto lasted = steady_clock::now() - began;
    if (lasted > kQuiet) backoff_ = milliseconds(0);
    if (done) {
      // A server that ends every watch at once must not be asked in a loop.
      hasty_ = lasted < kHasty ? hasty_ + 1 : 0;
      if (hasty_ > kHastyAllowed) pause(stop);
      continue;
    }
    failures_.add();
    if (done.error().code == Code::out_of_range && !version_.empty()) {
      version_.clear();  // too old to go on from: list at once
      log_.info("informer lists again",
                {{"resource", options_.resource.plural}, {"why", done.error().message}});
      continue;
    }
    log_.warn("informer has lost the API server", {{"resource", options_.resource.plural},
                                                   {"error", done.error().message},
                                                   {"detail", done.error().detail}});
    pause(stop);
  }
}

Result<void> Informer::list() {
  lists_.add();
  const bool initial = !synced_.load();
  cache_.begin_sweep();
  const auto each = [this, initial](Object object) {
    if (options_.strip) object = options_.strip(std::move(object));
    if (cache_.put(object) == ObjectCache::Change::none && !initial) return;
    if (options_.on_change) options_.on_change({object, false, initial});
  };
  ListOptions options;
  options.ns = options_.ns;
  options.label_selector = options_.label_selector;
  // The watch brings what is missing. Not where a watch could not go on: not further back than
  // that.
  options.any_version = initial;
  BUNKER_TRY_ASSIGN(version_, client_.list(options_.resource, options, each));
  for (const Object& object : cache_.sweep(version_)) tell(object, true);
  backoff_ = milliseconds(0);
  synced_.store(true);
  if (initial && options_.on_synced) options_.on_synced();
  return {};
}

Result<void> Informer::watch(std::stop_token stop) {
  watches_.add();
  const auto most = static_cast<int>(options_.shortest_watch.count());
  WatchOptions options;
  options.ns = options_.ns;
  options.label_selector = options_.label_selector;
  options.resource_version = version_;
  // Watches that began together do not end together.
  options.timeout = std::chrono::seconds(std::uniform_int_distribution(most, 2 * most)(random_));
  options.idle = options_.idle;
  bool heard = false;
  const Result<void> done = client_.watch(options_.resource, options, stop, [&](WatchEvent event) {
    heard = true;
    take(std::move(event));
  });
  // A connection that broke after it brought something is resumed at once.
  if (!done && done.error().code == Code::retry_later && heard) return {};
  return done;
}

void Informer::take(WatchEvent event) {
  const std::string version(event.object.resource_version());
  if (event.type == WatchEvent::Type::deleted) {
    cache_.erase(event.object.key(), version);
    tell(options_.strip ? options_.strip(std::move(event.object)) : event.object, true);
  } else if (event.type != WatchEvent::Type::bookmark) {
    Object object = options_.strip ? options_.strip(std::move(event.object)) : event.object;
    if (cache_.put(object) != ObjectCache::Change::none) tell(object, false);
  }
  if (!version.empty()) version_ = version;
}

void Informer::tell(const Object& object, bool gone) {
  if (options_.on_change) options_.on_change({object, gone, false});
}

void Informer::pause(std::stop_token stop) {
  backoff_ = backoff_ == milliseconds(0) ? options_.first_backoff
                                         : std::min(backoff_ * 2, options_.longest_backoff);
  const double jitter = std::uniform_real_distribution<double>(1, 2)(random_);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any wake;
  wake.wait_for(lock, stop, std::chrono::duration_cast<milliseconds>(backoff_ * jitter),
                [] { return false; });
}

}  // namespace bunker::kube
