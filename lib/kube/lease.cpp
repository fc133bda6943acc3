#include "lib/kube/lease.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "lib/kube/micro_time.h"
#include "lib/kube/object_json.h"

namespace bunker::kube {
namespace {

std::string text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t integer(const nlohmann::json& value) {
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

}  // namespace

void LeaseView::observe(const std::optional<Object>& lease, SteadyTime now) {
  lease_ = lease;
  const nlohmann::json none;
  const nlohmann::json& spec = lease ? at(*lease, "/spec") : none;
  std::string said = spec.dump();
  if (said != seen_) {
    seen_ = std::move(said);
    changed_ = now;
  }
  holder_ = lease ? text(at(*lease, "/spec/holderIdentity")) : std::string();
  promised_ = std::chrono::seconds(lease ? integer(at(*lease, "/spec/leaseDurationSeconds")) : 0);
}

bool LeaseView::may_take(SteadyTime now) const {
  return holder_.empty() || held_by_me() || now >= changed_ + promised_;
}

Object LeaseView::write(const ObjectKey& key, std::string holder,
                        std::chrono::milliseconds duration, SystemTime time) const {
  nlohmann::json out = lease_ ? json_of(*lease_) : nlohmann::json::object();
  out["apiVersion"] = "coordination.k8s.io/v1";
  out["kind"] = "Lease";
  out["metadata"]["name"] = key.name;
  out["metadata"]["namespace"] = key.ns;
  nlohmann::json& spec = out["spec"];
  if (holder != holder_ && !holder.empty()) {
    spec["acquireTime"] = micro_time(time);
    spec["leaseTransitions"] = lease_ ? integer(at(*lease_, "/spec/leaseTransitions")) + 1 : 0;
  }
  spec["holderIdentity"] = std::move(holder);
  spec["renewTime"] = micro_time(time);
  spec["leaseDurationSeconds"] =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(duration).count());
  return Object(std::move(out));
}

Object LeaseView::taken(const ObjectKey& key, const LeaseTimes& times, SystemTime time) const {
  return write(key, identity_, times.duration, time);
}

Object LeaseView::released(const ObjectKey& key, SystemTime time) const {
  return write(key, "", std::chrono::seconds(1), time);
}

}  // namespace bunker::kube
