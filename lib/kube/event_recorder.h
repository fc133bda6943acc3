// Tells people what happened to an object: events.k8s.io/v1. The same event again within ten
// minutes becomes a series of the first one instead of a new object, and is written at most once a
// minute. An event that cannot be written is logged: nothing fails because of it.
// Thread rule: any thread; record() makes a request. Owner: the composition root.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/kube/client.h"
#include "lib/kube/object.h"
#include "lib/observability/log.h"

namespace bunker::kube {

struct Happening {
  bool warning = false;
  std::string reason;  // one CamelCase word, at most 128 characters
  std::string action;  // what was done or tried, likewise
  std::string note;    // for a person; what is over 1,024 bytes is cut off
};

class EventRecorder {
 public:
  struct Options {
    std::string controller;  // "bunker.dev/operator"
    std::string instance;    // of this program
  };

  // All arguments outlive it.
  EventRecorder(Client& client, Options options, const Clock& clock, Logger& log);

  // `regarding` has its kind, name and uid.
  void record(const Object& regarding, const Happening& what);

 private:
  struct Series {
    std::string key;
    ObjectKey event;
    int count = 1;
    SystemTime last;     // when it happened
    SystemTime written;  // when that was last written
  };

  // The series that `key` goes on with, moved to the front; null: none.
  Series* find(const std::string& key, SystemTime now);
  Object build(const Object& regarding, const Happening& what, const ObjectKey& key,
               SystemTime now) const;

  Client& client_;
  const Options options_;
  const Clock& clock_;
  Logger& log_;
  std::mutex mutex_;
  std::list<Series> recent_;  // the latest first
  std::map<std::string, std::list<Series>::iterator> by_key_;
};

}  // namespace bunker::kube
