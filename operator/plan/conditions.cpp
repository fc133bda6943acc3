#include "operator/plan/conditions.h"

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/kube/object_json.h"

namespace bunker::op {
namespace {

using nlohmann::json;

// Events hold 1024 bytes, conditions 32768.
constexpr std::size_t kMostNote = 1000;

const char* name_of(Truth truth) {
  return truth == Truth::yes ? "True" : truth == Truth::no ? "False" : "Unknown";
}

json find(const json& status, std::string_view type) {
  if (status.is_object()) {
    for (const json& each : status.value("conditions", json::array())) {
      if (each.is_object() && each.value("type", "") == type) return each;
    }
  }
  return json::object();
}

}  // namespace

json to_json(const std::vector<Condition>& conditions, const json& before, std::int64_t generation,
             SystemTime now) {
  json out = json::array();
  for (const Condition& each : conditions) {
    const json old = find(before, each.type);
    const bool same =
        old.value("status", "") == name_of(each.status) && old.contains("lastTransitionTime");
    out.push_back(
        {{"type", each.type},
         {"status", name_of(each.status)},
         {"observedGeneration", generation},
         {"lastTransitionTime", same ? old["lastTransitionTime"] : json(format_rfc3339(now))},
         {"reason", each.reason},
         {"message", each.message}});
  }
  return out;
}

std::vector<Happening> changes(const Condition& ready, const json& before) {
  const json old = find(before, "Ready");
  const bool same_status = old.value("status", "Unknown") == name_of(ready.status);
  if (same_status && (ready.status == Truth::yes || old.value("reason", "") == ready.reason)) {
    return {};
  }
  // That a new one is not ready yet is no news.
  if (old.empty() && ready.reason == "RollingOut") return {};
  return {{.warning = ready.status != Truth::yes && ready.reason != "RollingOut",
           .reason = ready.reason,
           .action = "Reconcile",
           .note = ready.message.substr(0, kMostNote)}};
}

std::optional<kube::Object> changed_status(const kube::Object& subject, json status) {
  if (kube::at(subject, "/status") == status) return std::nullopt;
  return kube::Object(json{{"apiVersion", subject.gvk().api_version()},
                           {"kind", subject.gvk().kind},
                           {"metadata", {{"name", subject.name()}, {"namespace", subject.ns()}}},
                           {"status", std::move(status)}});
}

}  // namespace bunker::op
