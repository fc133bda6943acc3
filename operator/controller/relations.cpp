#include "operator/controller/relations.h"

namespace bunker::op {

std::set<SubjectKey> Relations::set(const SubjectKey& subject, std::vector<std::string> names) {
  const std::lock_guard lock(mutex_);
  std::set<SubjectKey> out;
  collect(subject, out);
  for (const std::string& name : names_[subject]) {
    const auto at = subjects_.find(name);
    at->second.erase(subject);
    if (at->second.empty()) subjects_.erase(at);
  }
  for (const std::string& name : names) subjects_[name].insert(subject);
  if (names.empty()) {
    names_.erase(subject);
  } else {
    names_[subject] = std::move(names);
  }
  collect(subject, out);
  return out;
}

std::set<SubjectKey> Relations::of(const SubjectKey& subject) const {
  const std::lock_guard lock(mutex_);
  std::set<SubjectKey> out;
  collect(subject, out);
  return out;
}

void Relations::collect(const SubjectKey& subject, std::set<SubjectKey>& out) const {
  const auto own = names_.find(subject);
  if (own == names_.end()) return;
  for (const std::string& name : own->second) {
    for (const SubjectKey& other : subjects_.at(name)) {
      if (other != subject) out.insert(other);
    }
  }
}

}  // namespace bunker::op
