#include "lib/kube/queue_state.h"

#include <algorithm>

namespace bunker::kube {

void QueueState::add(const ObjectKey& key, Priority priority) {
  const auto [at, added] = wanted_.try_emplace(key, priority);
  if (!added) {
    if (at->second >= priority) return;
    at->second = priority;
  }
  if (working_.contains(key)) return;  // done() queues it
  (priority == Priority::normal ? normal_ : low_).push_back(key);
}

void QueueState::add_at(const ObjectKey& key, SteadyTime due) {
  const auto [at, added] = due_.try_emplace(key, due);
  if (!added) {
    if (at->second <= due) return;
    by_time_.erase({at->second, key});
    at->second = due;
  }
  by_time_.emplace(due, key);
}

std::chrono::milliseconds QueueState::next_backoff(const ObjectKey& key) {
  const unsigned failures = failures_[key]++;
  std::chrono::milliseconds pause = backoff_.first;
  for (unsigned i = 0; i < failures && pause < backoff_.longest; ++i) pause *= 2;
  return std::min(pause, backoff_.longest);
}

void QueueState::forget(const ObjectKey& key) {
  failures_.erase(key);
}

void QueueState::promote(SteadyTime now) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const ObjectKey key = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    due_.erase(key);
    add(key, Priority::normal);
  }
}

std::optional<ObjectKey> QueueState::take(SteadyTime now) {
  promote(now);
  for (const Priority priority : {Priority::normal, Priority::low}) {
    std::deque<ObjectKey>& line = priority == Priority::normal ? normal_ : low_;
    while (!line.empty()) {
      ObjectKey key = std::move(line.front());
      line.pop_front();
      const auto at = wanted_.find(key);
      if (at == wanted_.end() || at->second != priority || working_.contains(key)) continue;
      wanted_.erase(at);
      working_.insert(key);
      return key;
    }
  }
  return std::nullopt;
}

void QueueState::done(const ObjectKey& key) {
  working_.erase(key);
  const auto at = wanted_.find(key);
  if (at == wanted_.end()) return;
  (at->second == Priority::normal ? normal_ : low_).push_back(key);
}

std::optional<SteadyTime> QueueState::next_due() const {
  if (by_time_.empty()) return std::nullopt;
  return by_time_.begin()->first;
}

}  // namespace bunker::kube
