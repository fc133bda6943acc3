#include "registryd/ops/health_monitor.h"

#include <utility>

namespace bunker::ops {
namespace {

// What one check's runs need; shared with the task, whose frame outlasts a std::function's copy.
struct Watch {
  HealthCheck check;
  Health& health;
  Logger& log;
  Gauge& up;
};

Task<void> run_check(std::shared_ptr<Watch> watch) {
  const Result<void> result = co_await watch->check.run();
  const std::string& name = watch->check.name;
  const bool changed = watch->health.report(name, result);
  const auto state = watch->health.checks().at(name).state;
  watch->up.set(state == Health::State::failing ? 0 : 1);
  if (!changed) co_return;
  if (state == Health::State::failing) {
    watch->log.error("health check failing",
                     {{"check", name}, {"error", to_string(result.error())}});
  } else {
    watch->log.info("health check passing", {{"check", name}});
  }
}

}  // namespace

HealthMonitor::HealthMonitor(IoThreads& threads, std::vector<HealthCheck> checks, Health& health,
                             Logger& log, Metrics& metrics) {
  std::size_t thread = 0;
  for (HealthCheck& check : checks) {
    health.add(check.name, check.threshold);
    Gauge& up = metrics.gauge("bunker_health_check_up", "Whether a health check is not failing.",
                              {{"check", check.name}});
    const PeriodicTask::Options options{.interval = check.interval,
                                        .thread = thread++ % threads.size()};
    auto watch = std::make_shared<Watch>(Watch{std::move(check), health, log, up});
    tasks_.push_back(std::make_unique<PeriodicTask>(
        threads, options, [watch = std::move(watch)] { return run_check(watch); }));
  }
}

void HealthMonitor::stop() {
  for (const auto& task : tasks_) task->stop();
}

}  // namespace bunker::ops
