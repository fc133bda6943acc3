#include "lib/kube/controller.h"

#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace bunker::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Outcome = Result<std::optional<milliseconds>>;

std::vector<double> buckets() {
  return {.005, .01, .025, .05, .1,   .15, .2,   .25, .3,  .35, .4,  .45, .5,  .6,
          .7,   .8,  .9,   1,   1.25, 1.5, 1.75, 2,   2.5, 3,   3.5, 4,   4.5, 5,
          6,    7,   8,    9,   10,   15,  20,   25,  30,  40,  50,  60};
}

}  // namespace

struct Controller::Impl {
  Impl(Options chosen, Reconcile function, Logger& logger, Metrics& sink)
      : options(std::move(chosen)),
        reconcile(std::move(function)),
        log(logger),
        queue(options.name, options.backoff, sink),
        success(total(sink, "success")),
        error(total(sink, "error")),
        requeue_after(total(sink, "requeue_after")),
        errors(sink.counter("controller_runtime_reconcile_errors_total",
                            "Reconciliations that failed.", labels())),
        terminal(sink.counter("controller_runtime_terminal_reconcile_errors_total",
                              "Reconciliations that failed for good.", labels())),
        panics(sink.counter("controller_runtime_reconcile_panics_total",
                            "Reconciliations that ended in a bug.", labels())),
        took(sink.histogram("controller_runtime_reconcile_time_seconds",
                            "How long a reconciliation takes.", buckets(), labels())),
        active(sink.gauge("controller_runtime_active_workers", "Workers at work.", labels())) {
    sink.gauge("controller_runtime_max_concurrent_reconciles", "Workers in all.", labels())
        .set(options.workers);
    total(sink, "requeue");
  }

  Labels labels() const { return {{"controller", options.name}}; }
  Counter& total(Metrics& sink, const char* result) const {
    return sink.counter("controller_runtime_reconcile_total", "Reconciliations, by result.",
                        {{"controller", options.name}, {"result", result}});
  }

  void work(std::stop_token stop) {
    while (!stop.stop_requested()) {
      if (options.wait_for_turn && !options.wait_for_turn(stop)) return;
      const std::optional<ObjectKey> key = queue.take(stop);
      if (!key) return;
      // The turn may have ended while there was nothing to do.
      if (options.wait_for_turn && !options.wait_for_turn(stop)) return;
      active.add(1);
      const auto began = steady_clock::now();
      const Outcome outcome = guarded(*key);
      took.observe(std::chrono::duration<double>(steady_clock::now() - began).count());
      active.add(-1);
      settle(*key, outcome);
      queue.done(*key);
    }
  }

  Outcome guarded(const ObjectKey& key) {
    try {
      return reconcile(key);
    } catch (const std::exception& bug) {
      panics.add();
      return fail(Code::internal, "a bug: " + std::string(bug.what()));
    }
  }

  void settle(const ObjectKey& key, const Outcome& outcome) {
    if (outcome) {
      queue.forget(key);
      if (*outcome) queue.add_after(key, **outcome);
      (*outcome ? requeue_after : success).add();
      return;
    }
    const Error& why = outcome.error();
    error.add();
    errors.add();
    if (why.code == Code::invalid) {
      terminal.add();
      queue.forget(key);
      log.error("not reconciled, and not tried again until it changes",
                {{"controller", options.name}, {"object", to_string(key)}, {"error", why.message}});
      return;
    }
    const milliseconds pause = queue.retry(key);
    // That somebody else was faster is how optimistic locking works.
    const bool expected = why.code == Code::conflict || why.code == Code::cancelled;
    log.log(expected ? LogLevel::debug : LogLevel::warn, "not reconciled, tried again",
            {{"controller", options.name},
             {"object", to_string(key)},
             {"error", why.message},
             {"detail", why.detail},
             {"after_ms", pause.count()}});
  }

  const Options options;
  const Reconcile reconcile;
  Logger& log;
  WorkQueue queue;
  Counter& success;
  Counter& error;
  Counter& requeue_after;
  Counter& errors;
  Counter& terminal;
  Counter& panics;
  Histogram& took;
  Gauge& active;
  std::vector<std::jthread> workers;
};

Controller::Controller(Options options, Reconcile reconcile, Logger& log, Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(reconcile), log, metrics)) {}

Controller::~Controller() {
  stop();
}

WorkQueue& Controller::queue() {
  return impl_->queue;
}

void Controller::start() {
  for (unsigned i = 0; i < impl_->options.workers; ++i) {
    impl_->workers.emplace_back([impl = impl_.get()](std::stop_token stop) { impl->work(stop); });
  }
}

void Controller::stop() {
  for (std::jthread& worker : impl_->workers) worker.request_stop();
  impl_->workers.clear();
}

}  // namespace bunker::kube
