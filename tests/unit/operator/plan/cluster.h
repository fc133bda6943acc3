// A cluster in memory that carries plans out as the operator's executor does: enough of an API
// server to see what a second plan finds. Not thread-safe.
#pragma once

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/kube/object_json.h"
#include "lib/yaml/yaml.h"
#include "operator/api/resources.h"
#include "operator/desired/desired.h"
#include "operator/plan/planners.h"

namespace bunker::op {

class Cluster {
 public:
  using Json = nlohmann::json;

  // Stores resources of ours as the API server would; returns the first one's key.
  kube::Object add(const std::string& text) {
    kube::Object first;
    const auto documents = yaml::read(text);
    if (!documents) throw std::runtime_error(documents.error().message);
    for (Json each : *documents) {
      if (!each["metadata"].contains("namespace")) each["metadata"]["namespace"] = "a";
      const kube::Object stored = store(reader_.with_defaults(kube::Object(each)));
      if (first.name().empty()) first = stored;
    }
    return first;
  }

  kube::Object get(const std::string& kind, const std::string& name,
                   const std::string& ns = "a") const {
    const auto found = objects_.find(kind + " " + ns + "/" + name);
    return found == objects_.end() ? kube::Object() : found->second;
  }

  // Changes an object by hand.
  void edit(const std::string& kind, const std::string& name, const Json& patch) {
    Json value = kube::json_of(get(kind, name));
    value.merge_patch(patch);
    store(kube::Object(value));
  }

  void erase(const std::string& kind, const std::string& name) {
    objects_.erase(kind + " a/" + name);
  }

  Observed observe(const std::string& kind, const std::string& name) const {
    Observed out;
    out.subject = get(kind, name);
    out.now = now;
    for (const kube::Gvk& each : optional_kinds()) out.served.insert(each);
    const std::vector<std::string> mine = relations(out.subject);
    for (const auto& [key, object] : objects_) {
      const std::string other = object.gvk().kind;
      if (other != "Registry" && other != "RegistryUser") continue;
      const bool related = std::ranges::any_of(relations(object), [&](const std::string& each) {
        return std::ranges::find(mine, each) != mine.end();
      });
      if (related && object.uid() != out.subject.uid()) out.related.push_back(object);
    }
    for (const auto& [key, object] : objects_) {
      const auto owner = object.controller();
      if (!owner) add_given(object, out);
      if (!owner) continue;
      if (owner->uid == out.subject.uid()) out.owned.push_back(object);
      for (const kube::Object& each : out.related) {
        if (owner->uid == each.uid() && object.gvk().kind == "Secret") {
          out.secrets.push_back(object);
        }
      }
    }
    return out;
  }

  void carry_out(const Plan& plan, const kube::Object& subject) {
    for (const kube::Object& each : plan.create) {
      if (get(each.gvk().kind, std::string(each.name()), std::string(each.ns())).name().empty()) {
        store(each);
      }
    }
    for (const kube::Object& each : plan.apply) apply(each);
    for (const kube::Object& each : plan.remove) {
      erase(each.gvk().kind, std::string(each.name()));
    }
    if (plan.status) apply(*plan.status);
    if (plan.finalizers) {
      edit(subject.gvk().kind, std::string(subject.name()),
           {{"metadata", {{"finalizers", *plan.finalizers}}}});
    }
  }

  // Plans and carries out until nothing is left to do; the rounds that it took.
  int settle(const Planner& planner, const std::string& kind, const std::string& name) {
    for (int round = 0; round < 10; ++round) {
      const Observed observed = observe(kind, name);
      const Plan plan = planner.plan(observed);
      if (plan.nothing_to_write()) return round;
      carry_out(plan, observed.subject);
    }
    throw std::runtime_error("does not come to rest");
  }

  // As if the Deployment's pods had come up.
  void make_ready(const std::string& name, std::int64_t ready) {
    const Json wanted = kube::at(get("Deployment", name), "/spec/replicas");
    edit("Deployment", name,
         {{"status",
           {{"observedGeneration", 1 << 20},
            {"replicas", wanted},
            {"updatedReplicas", wanted},
            {"readyReplicas", ready}}}});
  }

  const std::map<std::string, kube::Object>& objects() const { return objects_; }

  SystemTime now = *parse_rfc3339("2026-11-24T08:00:00Z");

 private:
  // A Secret of a person that is labelled for a Registry which names it.
  static void add_given(const kube::Object& object, Observed& out) {
    const auto label = object.label(desired::kRegistryLabel);
    if (!label || object.gvk().kind != "Secret") return;
    const auto names_it = [&](const kube::Object& each) {
      return each.gvk().kind == "Registry" && each.name() == *label &&
             std::ranges::count(given_secrets(each), object.name()) > 0;
    };
    if (names_it(out.subject) || std::ranges::any_of(out.related, names_it)) {
      out.secrets.push_back(object);
    }
  }

  // Removes what `before` had and `now` has not.
  static void forget(Json& value, const Json& before, const Json& now) {
    if (!value.is_object() || !before.is_object()) return;
    for (const auto& [key, old] : before.items()) {
      if (!value.contains(key)) continue;
      if (!now.contains(key)) {
        value.erase(key);
      } else if (now[key].is_object()) {
        forget(value[key], old, now[key]);
      }
    }
  }

  // Server-side apply, roughly: objects are merged, all else is replaced, and what was applied
  // before and is not now goes.
  void apply(const kube::Object& object) {
    Json value =
        kube::json_of(get(object.gvk().kind, std::string(object.name()), std::string(object.ns())));
    Json patch = kube::json_of(object);
    const auto version = patch["metadata"].find("resourceVersion");
    if (version != patch["metadata"].end() && *version != value["metadata"]["resourceVersion"]) {
      throw std::runtime_error("conflict");
    }
    Json& last = applied_[object.gvk().kind + " " + kube::to_string(object.key()) +
                          (patch.contains("status") ? "/status" : "")];
    forget(value, last, patch);
    last = patch;
    value.merge_patch(patch);
    store(kube::Object(value));
  }

  kube::Object store(const kube::Object& object) {
    const std::string key = object.gvk().kind + " " + kube::to_string(object.key());
    Json value = kube::json_of(object);
    ++version_;
    Json& metadata = value["metadata"];
    if (!metadata.contains("uid")) {
      metadata["uid"] = "uid-" + std::to_string(version_);
      metadata["creationTimestamp"] = format_rfc3339(now + std::chrono::seconds(version_));
      metadata["generation"] = 1;
    }
    metadata["resourceVersion"] = std::to_string(version_);
    return objects_[key] = kube::Object(value);
  }

  inline static const v1alpha1::ResourceReader reader_;
  std::map<std::string, kube::Object> objects_;
  std::map<std::string, Json> applied_;
  int version_ = 0;
};

}  // namespace bunker::op
