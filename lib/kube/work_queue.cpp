#include "lib/kube/work_queue.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

namespace bunker::kube {
namespace {

using std::chrono::steady_clock;

double seconds(steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// 10 ns to 1,000 s, as client-go has them.
std::vector<double> buckets() {
  std::vector<double> out;
  for (double bound = 1e-8; out.size() < 12; bound *= 10) out.push_back(bound);
  return out;
}

}  // namespace

struct WorkQueue::Impl {
  Impl(const std::string& name, Backoff backoff, Metrics& metrics)
      : state(backoff),
        depth(metrics.gauge("workqueue_depth", "Keys that wait in the queue.", labels(name))),
        adds(metrics.counter("workqueue_adds_total", "Keys added to the queue.", labels(name))),
        retries(metrics.counter("workqueue_retries_total", "Keys added again after a failure.",
                                labels(name))),
        queued_seconds(metrics.histogram("workqueue_queue_duration_seconds",
                                         "How long a key waits until it is worked on.", buckets(),
                                         labels(name))),
        work_seconds(metrics.histogram("workqueue_work_duration_seconds",
                                       "How long working on a key takes.", buckets(),
                                       labels(name))),
        unfinished(metrics.gauge("workqueue_unfinished_work_seconds",
                                 "Seconds spent so far on keys that are being worked on.",
                                 labels(name))),
        longest(metrics.gauge("workqueue_longest_running_processor_seconds",
                              "Seconds since the longest running work began.", labels(name))) {}

  static Labels labels(const std::string& name) { return {{"name", name}, {"controller", name}}; }

  void added(const ObjectKey& key) {
    adds.add();
    waiting_since.try_emplace(key, steady_clock::now());
    depth.set(static_cast<double>(state.depth()));
    changed.notify_one();
  }

  void refresh() {
    const std::lock_guard lock(mutex);
    double sum = 0;
    double most = 0;
    for (const auto& [key, since] : working_since) {
      const double spent = seconds(steady_clock::now() - since);
      sum += spent;
      most = std::max(most, spent);
    }
    unfinished.set(sum);
    longest.set(most);
  }

  std::mutex mutex;
  std::condition_variable_any changed;
  QueueState state;
  std::map<ObjectKey, SteadyTime> waiting_since;
  std::map<ObjectKey, SteadyTime> working_since;
  Gauge& depth;
  Counter& adds;
  Counter& retries;
  Histogram& queued_seconds;
  Histogram& work_seconds;
  Gauge& unfinished;
  Gauge& longest;
};

WorkQueue::WorkQueue(std::string name, Backoff backoff, Metrics& metrics)
    : impl_(std::make_shared<Impl>(name, backoff, metrics)) {
  metrics.on_scrape([impl = impl_] { impl->refresh(); });
}

WorkQueue::~WorkQueue() = default;

void WorkQueue::add(const ObjectKey& key, Priority priority) {
  const std::lock_guard lock(impl_->mutex);
  impl_->state.add(key, priority);
  impl_->added(key);
}

void WorkQueue::add_after(const ObjectKey& key, std::chrono::milliseconds pause) {
  const std::lock_guard lock(impl_->mutex);
  impl_->state.add_at(key, steady_clock::now() + pause);
  impl_->changed.notify_one();  // who sleeps until a later time looks again
}

std::chrono::milliseconds WorkQueue::retry(const ObjectKey& key) {
  std::chrono::milliseconds pause;
  {
    const std::lock_guard lock(impl_->mutex);
    pause = impl_->state.next_backoff(key);
    impl_->retries.add();
  }
  add_after(key, pause);
  return pause;
}

void WorkQueue::forget(const ObjectKey& key) {
  const std::lock_guard lock(impl_->mutex);
  impl_->state.forget(key);
}

std::optional<ObjectKey> WorkQueue::take(std::stop_token stop) {
  std::unique_lock lock(impl_->mutex);
  while (!stop.stop_requested()) {
    const SteadyTime now = steady_clock::now();
    if (std::optional<ObjectKey> key = impl_->state.take(now)) {
      impl_->depth.set(static_cast<double>(impl_->state.depth()));
      if (const auto since = impl_->waiting_since.find(*key); since != impl_->waiting_since.end()) {
        impl_->queued_seconds.observe(seconds(now - since->second));
        impl_->waiting_since.erase(since);
      }
      impl_->working_since[*key] = now;
      // Whoever slept until the next key is due may be the one who goes to work now.
      if (impl_->state.next_due()) impl_->changed.notify_one();
      return key;
    }
    // A notification only means that something changed: the loop looks what.
    const SteadyTime due = impl_->state.next_due().value_or(now + std::chrono::hours(1));
    bool notified = false;
    impl_->changed.wait_until(lock, stop, due,
                              [&notified] { return std::exchange(notified, true); });
  }
  return std::nullopt;
}

void WorkQueue::done(const ObjectKey& key) {
  const std::lock_guard lock(impl_->mutex);
  if (const auto since = impl_->working_since.find(key); since != impl_->working_since.end()) {
    impl_->work_seconds.observe(seconds(steady_clock::now() - since->second));
    impl_->working_since.erase(since);
  }
  impl_->state.done(key);
  impl_->changed.notify_one();
}

}  // namespace bunker::kube
