// One at a time changes a tag: who looks where a tag points and then acts on it (a deletion, a
// push) must not be overtaken by another request. Within this process only: other replicas on the
// same bucket do not know of it, since S3 has no deletion that depends on what is there.
// Thread-safe. Owner: Registry; for the .cpp files of registryd/core alone.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include "lib/runtime/context.h"
#include "lib/runtime/semaphore.h"
#include "registryd/core/names.h"

namespace bunker::registry {

class TagLocks {
 public:
  TagLocks() {
    for (std::size_t i = 0; i < kStripes; ++i) stripes_.emplace_back(1);
  }

  // The tag until the permit is destroyed. A coroutine holds one at most, since tags share stripes.
  // retry_later: others had it until the context's deadline.
  Task<Result<Permits>> hold(const Context& context, const RepositoryName& name, const Tag& tag) {
    const std::size_t hash = std::hash<std::string>()(name.str() + ":" + tag.str());
    co_return co_await stripes_[hash % kStripes].acquire(1, context.deadline);
  }

 private:
  static constexpr std::size_t kStripes = 256;  // so that few tags wait for one another

  std::deque<Semaphore> stripes_;
};

}  // namespace bunker::registry
