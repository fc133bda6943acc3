#include "registryd/auth/policy_source.h"

#include <utility>

namespace bunker::auth {

PolicySource::PolicySource(access::Policy policy) {
  set(std::move(policy));
}

void PolicySource::set(access::Policy policy) {
  auto next = std::make_shared<const access::Policy>(std::move(policy));
  const std::lock_guard lock(mutex_);
  policy_.swap(next);
}

Result<std::unique_ptr<PolicySource>> PolicySource::open(FileOptions options, Logger& log,
                                                         Metrics& metrics) {
  std::unique_ptr<PolicySource> source(new PolicySource());
  const auto adopt = [target = source.get(),
                      parse = std::move(options.parse)](std::string_view text) -> Result<void> {
    BUNKER_TRY_ASSIGN(const access::PolicyText written, parse(text));
    BUNKER_TRY_ASSIGN(access::Policy policy, access::Policy::make(written));
    target->set(std::move(policy));
    return {};
  };
  WatchedFile::Options watched;
  watched.path = std::move(options.path);
  watched.what = "access rules";
  watched.remedy = "write a file with `rules:`, see docs/access.md";
  watched.metric = "bunker_access_reloads_total";
  watched.metric_help = "Times the file of access rules was read because it had changed.";
  watched.check_interval = options.check_interval;
  BUNKER_TRY_ASSIGN(source->watch_, WatchedFile::open(std::move(watched), adopt, log, metrics));
  return source;
}

std::optional<Reloaded> PolicySource::reload() {
  if (!watch_) return std::nullopt;
  return watch_->reload();
}

std::shared_ptr<const access::Policy> PolicySource::current() {
  if (watch_) watch_->check();
  const std::lock_guard lock(mutex_);
  return policy_;
}

}  // namespace bunker::auth
