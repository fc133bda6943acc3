// For any valid Registry: rendering is total and the same each time, planning comes to rest, and
// what it comes to does not depend on the way there.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "operator/desired/desired.h"
#include "tests/unit/operator/plan/cluster.h"

namespace bunker::op {
namespace {

using nlohmann::json;

// Sometimes a value.
rc::Gen<json> maybe(std::vector<json> values) {
  values.emplace_back(nullptr);
  return rc::gen::elementOf(std::move(values));
}

json s3() {
  return {{"bucket", *rc::gen::element<std::string>("a", "b")},
          {"region", "r"},
          {"prefix", *maybe({"p", "p/q"})},
          {"endpoint", *maybe({"https://sos-ch-gva-2.exo.io", "http://minio:9000"})},
          {"credentialsSecret", *maybe({{{"name", "keys"}}})},
          {"partSize", *maybe({"5Mi", "1Gi"})},
          {"trustedCA", *maybe({{{"name", "ca"}}})},
          {"redirect", *maybe({{{"mode", "Never"}}})}};
}

json tls() {
  const std::string mode = *rc::gen::element<std::string>("Managed", "Secret", "None");
  json out = {{"mode", mode}};
  if (mode == "Secret") out["certificateSecret"] = {{"name", "tls"}};
  if (mode != "None") {
    out["clientAuth"]["mode"] = *rc::gen::element<std::string>("None", "Optional", "Required");
    out["clientAuth"]["caSecret"] = *maybe({{{"name", "clients"}}});
  }
  out["caSecret"] = *maybe({{{"name", "ca"}}, {{"name", "clients"}}});
  out["lifetime"] = *maybe({"1h", "90m30s", "2160h"});
  return out;
}

json spec() {
  json out = {{"tls", tls()},
              {"host", *rc::gen::element<std::string>("r.example.com", "192.0.2.1:5000")},
              {"readOnly", *maybe({true, false})},
              {"ingress", *maybe({json::object(), {{"className", "nginx"}}})},
              {"gateway", *maybe({{{"parentRefs", json::array({{{"name", "g"}}})}}})},
              {"auth", *maybe({{{"htpasswd", {{"secretName", "p"}}}}})},
              {"podDisruptionBudget", *maybe({{{"minAvailable", "50%"}}, {{"enabled", false}}})},
              {"networkPolicy", *maybe({{{"enabled", false}}})},
              {"monitoring", *maybe({{{"rules", false}, {"serviceMonitor", false}}})},
              {"resources", *maybe({{{"requests", {{"cpu", 1}, {"memory", "1000Ki"}}}}})},
              {"extraConfig", *maybe({{{"http", {{"relativeurls", true}}}}})}};
  if (*rc::gen::arbitrary<bool>()) {
    out["storage"]["s3"] = s3();
    out["replicas"] = *rc::gen::inRange(0, 4);
    out["autoscaling"] = *maybe({{{"maxReplicas", 5}}});
    out["cache"]["redis"] = *maybe(
        {{{"managed", {{"maxMemory", "1Gi"}}}}, {{"external", {{"addresses", {"redis:6379"}}}}}});
  } else {
    out["storage"]["filesystem"]["volume"]["size"] = "1Gi";
  }
  return out;
}

json resource(const std::string& name, json wanted) {
  return {{"apiVersion", "bunker.dev/v1alpha1"},
          {"kind", "Registry"},
          {"metadata", {{"name", name}, {"namespace", "a"}}},
          {"spec", std::move(wanted)}};
}

// Keys are of no interest here, and cost time.
class OneKey final : public Mint {
 public:
  std::string secret() const override { return "secret"; }
  Result<pki::PrivateKey> key(pki::KeyAlgorithm algorithm) const override {
    static const Result<pki::PrivateKey> kKey = pki::PrivateKey::generate(algorithm);
    return kKey;
  }
};

const Planner& planner() {
  static const std::unique_ptr<Planner> kPlanner = [] {
    PlannerOptions options;
    options.mint = std::make_shared<OneKey>();
    return make_registry_planner(options);
  }();
  return *kPlanner;
}

// Without what tells one run from another.
std::map<std::string, std::string> picture(const Cluster& cluster) {
  std::map<std::string, std::string> out;
  for (const auto& [key, object] : cluster.objects()) {
    if (object.gvk().kind == "Secret" || object.gvk().kind == "Registry") continue;
    json value = kube::json_of(object);
    for (const char* field : {"uid", "resourceVersion", "creationTimestamp", "ownerReferences"}) {
      value["metadata"].erase(field);
    }
    if (value["metadata"].contains("annotations")) {
      value["metadata"]["annotations"].erase("bunker.dev/applied");
    }
    const json::json_pointer hash("/spec/template/metadata/annotations/bunker.dev~1config-hash");
    if (value.contains(hash)) value[hash] = nullptr;
    out[key] = value.dump();
  }
  return out;
}

RC_GTEST_PROP(RegistryProperty, PlanningComesToRest, ()) {
  Cluster cluster;
  const json wanted = spec();
  cluster.add(yaml::write(resource("images", wanted)));
  RC_ASSERT(cluster.settle(planner(), "Registry", "images") <= 3);
  RC_ASSERT(planner().plan(cluster.observe("Registry", "images")).nothing_to_write());
}

RC_GTEST_PROP(RegistryProperty, TheWayThereDoesNotMatter, ()) {
  const json before = spec();
  const json after = spec();
  Cluster edited;
  edited.add(yaml::write(resource("images", before)));
  edited.settle(planner(), "Registry", "images");
  // Replaced, not patched.
  edited.edit("Registry", "images", {{"spec", nullptr}});
  const kube::Object full =
      v1alpha1::ResourceReader().with_defaults(kube::Object(resource("images", after)));
  edited.edit("Registry", "images", {{"spec", kube::at(full, "/spec")}});
  edited.settle(planner(), "Registry", "images");

  Cluster fresh;
  fresh.add(yaml::write(resource("images", after)));
  fresh.settle(planner(), "Registry", "images");
  auto expected = picture(fresh);
  auto found = picture(edited);
  // What holds data stays.
  std::erase_if(found, [&](const auto& each) {
    return each.first.starts_with("PersistentVolumeClaim") && !expected.contains(each.first);
  });
  for (const auto& [key, value] : expected) RC_ASSERT(found[key] == value);
  RC_ASSERT(found.size() == expected.size());
}

}  // namespace
}  // namespace bunker::op
