// The rules of a work queue, without threads or a clock: which key is next, which waits, which is
// being worked on. WorkQueue adds the threads. One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "lib/base/clock.h"
#include "lib/kube/object.h"

namespace bunker::kube {

enum class Priority {
  low,     // what is looked at because the program starts
  normal,  // what somebody changed: goes first
};

struct Backoff {
  std::chrono::milliseconds first{5};
  std::chrono::milliseconds longest{1'000'000};
};

class QueueState {
 public:
  explicit QueueState(Backoff backoff) : backoff_(backoff) {}

  // Wants `key` to be worked on; a key that waits already is not added twice, but moves up where
  // the priority is higher. A key that is being worked on is handed out again after done().
  void add(const ObjectKey& key, Priority priority);
  // As add() with normal priority, at `due`; an earlier wish for the same key stands.
  void add_at(const ObjectKey& key, SteadyTime due);
  // The pause before a key that failed is tried again: doubled at each failure until forget().
  std::chrono::milliseconds next_backoff(const ObjectKey& key);
  void forget(const ObjectKey& key);

  // The next key at `now`, which is being worked on until done(); never one that is already.
  std::optional<ObjectKey> take(SteadyTime now);
  void done(const ObjectKey& key);

  // When the first waiting key is due; nullopt: none waits for its time.
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  [[nodiscard]] std::size_t depth() const { return wanted_.size(); }

 private:
  void promote(SteadyTime now);

  const Backoff backoff_;
  std::map<ObjectKey, Priority> wanted_;
  // In order of arrival; a key that left `wanted_` or changed its priority is skipped.
  std::deque<ObjectKey> normal_;
  std::deque<ObjectKey> low_;
  std::set<ObjectKey> working_;
  std::map<ObjectKey, SteadyTime> due_;
  std::set<std::pair<SteadyTime, ObjectKey>> by_time_;
  std::map<ObjectKey, unsigned> failures_;
};

}  // namespace bunker::kube
