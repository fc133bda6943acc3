#include "registryd/collect/collector.h"

#include <array>
#include <utility>

#include "registryd/collect/run.h"

namespace bunker::collect {

std::string_view to_string(Phase phase) noexcept {
  constexpr std::array<std::string_view, 9> kNames = {
      "idle", "marking", "grace", "checking", "sweeping", "ending", "done", "failed", "cancelled"};
  return kNames.at(static_cast<std::size_t>(phase));
}

Collector::Collector(Deps deps, Options options, Hooks hooks)
    : deps_(deps), options_(options), hooks_(std::move(hooks)) {}

Collector::~Collector() = default;

Progress Collector::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

void Collector::report(const Progress& progress) {
  {
    const std::lock_guard lock(mutex_);
    progress_ = progress;
  }
  if (hooks_.progress) hooks_.progress(progress);
}

Task<Result<Progress>> Collector::run(Context& context) {
  if (!options_.offline && options_.grace <= options_.bounds.link_within) {
    co_return fail(Code::invalid, "the grace of a collection is too short",
                   "pushes may take that long to write what they rest on it; choose 20 s or more");
  }
  if (!options_.offline && options_.grace + options_.minimum_age < options_.bounds.known_for) {
    co_return fail(Code::invalid, "the grace and the minimum age of a collection are too short",
                   "registries believe for " +
                       std::to_string(std::chrono::duration_cast<std::chrono::seconds>(
                                          options_.bounds.known_for)
                                          .count()) +
                       " s that what they wrote is there; choose more than that in sum");
  }
  Run run(*this, context);
  co_return co_await run.execute();
}

}  // namespace bunker::collect
