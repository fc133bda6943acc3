// Which subjects have to do with which: an index over their relations (operator/plan/plan.h).
// Thread rule: any thread. Owner: World.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lib/kube/object.h"

namespace bunker::op {

// A subject: its kind and key.
using SubjectKey = std::pair<std::string, kube::ObjectKey>;

class Relations {
 public:
  // `subject` has these relations from now on; none: it is gone. Returns all that it shared one
  // with before or shares one with now, without itself.
  std::set<SubjectKey> set(const SubjectKey& subject, std::vector<std::string> names);

  // All that share a relation with `subject`, without itself.
  [[nodiscard]] std::set<SubjectKey> of(const SubjectKey& subject) const;

 private:
  void collect(const SubjectKey& subject, std::set<SubjectKey>& out) const;

  mutable std::mutex mutex_;
  std::map<SubjectKey, std::vector<std::string>> names_;
  std::map<std::string, std::set<SubjectKey>> subjects_;
};

}  // namespace bunker::op
