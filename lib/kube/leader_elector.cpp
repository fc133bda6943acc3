#include "lib/kube/leader_elector.h"

#include <utility>

namespace bunker::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

const Resource kLeases{{"coordination.k8s.io", "v1", "Lease"}, "leases", true};

}  // namespace

LeaderElector::LeaderElector(Client& client, Options options, const Clock& clock, Logger& log,
                             Metrics& metrics)
    : client_(client),
      options_(std::move(options)),
      clock_(clock),
      log_(log),
      status_(metrics.gauge("leader_election_master_status",
                            "Whether this program holds the lease: 1, or waits for it: 0.",
                            {{"name", options_.lease.name}})),
      view_(options_.identity) {}

void LeaderElector::run(std::stop_token stop) {
  bool led = false;
  while (!stop.stop_requested()) {
    if (try_once() != led) {
      led = !led;
      log_.info(led ? "leading" : "not leading",
                {{"lease", to_string(options_.lease)}, {"holder", view_.holder()}});
    }
    // Candidates that lost together do not come back together.
    const double jitter = led ? 1 : std::uniform_real_distribution<double>(0.8, 1.2)(random_);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop,
                      std::chrono::duration_cast<milliseconds>(options_.times.retry * jitter),
                      [] { return false; });
  }
  if (leading()) release();
}

bool LeaderElector::try_once() {
  // What is promised counts from before the request, whenever the server takes it in.
  const SteadyTime began = steady_clock::now();
  // Who leads renews what it wrote last, without looking.
  if (!leading() && !look()) return leading();
  const Object wanted = view_.taken(options_.lease, options_.times, clock_.now());
  Result<Object> written =
      view_.exists() ? client_.replace(kLeases, wanted) : client_.create(kLeases, wanted);
  if (written) {
    view_.observe(std::move(*written), steady_clock::now());
    set_leading_until(began + options_.times.renew_deadline);
    return leading();
  }
  const Code code = written.error().code;
  if (code == Code::conflict || code == Code::already_exists || code == Code::not_found) {
    // Somebody else was there, or an answer of before was lost: who leads is to be looked up.
    const bool knew = leading();
    set_leading_until({});
    return knew ? try_once() : false;
  }
  log_.warn("the lease cannot be written",
            {{"lease", to_string(options_.lease)}, {"error", written.error().message}});
  return leading();
}

bool LeaderElector::look() {
  Result<Object> found = client_.get(kLeases, options_.lease);
  if (!found && found.error().code != Code::not_found) {
    log_.warn("the lease cannot be read", {{"lease", to_string(options_.lease)},
                                           {"error", found.error().message},
                                           {"detail", found.error().detail}});
    return false;
  }
  view_.observe(found ? std::optional(*found) : std::nullopt, steady_clock::now());
  return view_.may_take(steady_clock::now());
}

void LeaderElector::set_leading_until(SteadyTime until) {
  const std::lock_guard lock(mutex_);
  leading_until_ = until;
  status_.set(until > steady_clock::now() ? 1 : 0);
  changed_.notify_all();
}

bool LeaderElector::leading() const {
  const std::lock_guard lock(mutex_);
  const bool yes = steady_clock::now() < leading_until_;
  status_.set(yes ? 1 : 0);
  return yes;
}

bool LeaderElector::wait_until_leading(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [this] { return steady_clock::now() < leading_until_; });
  return !stop.stop_requested();
}

void LeaderElector::release() {
  set_leading_until({});  // first: nothing may begin any more
  const Result<Object> done =
      client_.replace(kLeases, view_.released(options_.lease, clock_.now()));
  if (!done) {
    log_.warn("the lease was not let go",
              {{"lease", to_string(options_.lease)}, {"error", done.error().message}});
  }
}

}  // namespace bunker::kube
