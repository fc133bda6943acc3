#include "operator/api/resources.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lib/yaml/yaml.h"

namespace bunker::v1alpha1 {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::string_view kHead =
    "apiVersion: bunker.dev/v1alpha1\nkind: Registry\nmetadata: {name: images, namespace: a}\n";

Result<Registry> registry(const std::string& spec, std::string_view head = kHead) {
  const auto documents = yaml::read(std::string(head) + "spec: " + spec);
  if (!documents) throw std::runtime_error(documents.error().message);
  return ResourceReader().registry(kube::Object(documents->at(0)));
}

std::string refusal(const std::string& spec, std::string_view head = kHead) {
  const Result<Registry> read = registry(spec, head);
  return read ? "none" : to_string(read.error());
}

TEST(RegistryResource, TheSmallestHasEveryDefault) {
  const Result<Registry> read = registry("{storage: {s3: {bucket: b, region: r}}}");
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->name, "images");
  const RegistrySpec& spec = read->spec;
  EXPECT_EQ(spec.replicas, 1);
  EXPECT_EQ(spec.storage.s3->bucket, "b");
  EXPECT_EQ(spec.tls.mode, TlsMode::managed);
  EXPECT_EQ(spec.tls.client_auth.mode, ClientAuthMode::none);
  EXPECT_EQ(spec.service.port, 5000);
  EXPECT_EQ(spec.resources.at("limits").at("memory"), "512Mi");
  EXPECT_TRUE(spec.storage.allow_delete);
  EXPECT_FALSE(spec.autoscaling);
}

TEST(RegistryResource, TheStructsHaveTheSchemasDefaults) {
  const Result<Registry> read = registry("{storage: {s3: {bucket: b, region: r}}}");
  ASSERT_TRUE(read);
  RegistrySpec plain;
  EXPECT_EQ(read->spec.limits, plain.limits);
  EXPECT_EQ(read->spec.tls, plain.tls);
  EXPECT_EQ(read->spec.service, plain.service);
  EXPECT_EQ(read->spec.collection, plain.collection);
  EXPECT_EQ(read->spec.cache, plain.cache);
  EXPECT_EQ(read->spec.log, plain.log);
  EXPECT_EQ(read->spec.monitoring, plain.monitoring);
}

TEST(RegistryResource, RefusesWithThePlaceOfEachMistake) {
  const std::string said =
      refusal("{storage: {s3: {bucket: b, region: r, bukket: x}}, replicas: -1}");
  EXPECT_THAT(said, HasSubstr("Registry a/images is not valid"));
  EXPECT_THAT(said, HasSubstr("spec.storage.s3.bukket: is not a field"));
  EXPECT_THAT(said, HasSubstr("spec.replicas: must be at least 0"));
}

TEST(RegistryResource, IsNoOtherKind) {
  const auto object = kube::Object(json{{"apiVersion", "v1"}, {"kind", "Secret"}});
  EXPECT_FALSE(ResourceReader().registry(object));
  EXPECT_FALSE(ResourceReader().user(object));
}

// What breaks each CEL rule, by the rule's message.
const std::pair<const char*, const char*> kBroken[] = {
    {"{storage: {}}", "name exactly one store"},
    {"{storage: {s3: {bucket: b}}}", "name the region, or the endpoint"},
    {"{storage: {s3: {bucket: b, region: r, kmsKeyID: k}}}", "kmsKeyID has no effect"},
    {"{storage: {filesystem: {}}}", "name either a claim that is there or the volume to make"},
    {"{replicas: 2, storage: {filesystem: {claim: {name: c}}}}", "a filesystem holds one replica"},
    {"{storage: {s3: {bucket: b, region: r}}, ingress: {}}", "an ingress needs host"},
    {"{storage: {s3: {bucket: b, region: r}}, gateway: {parentRefs: [{name: g}]}}",
     "a gateway route needs host"},
    {"{storage: {s3: {bucket: b, region: r}}, tls: {mode: None, clientAuth: {mode: Required}}}",
     "client certificates need TLS"},
    {"{storage: {s3: {bucket: b, region: r}}, tls: {mode: Secret}}", "certificateSecret goes with"},
    {"{storage: {s3: {bucket: b, region: r}}, auth: {}}", "name exactly one: htpasswd or token"},
    {"{storage: {s3: {bucket: b, region: r}}, service: {nodePort: 30000}}", "nodePort goes with"},
    {"{storage: {s3: {bucket: b, region: r}}, autoscaling: {minReplicas: 3, maxReplicas: 2}}",
     "minReplicas is above maxReplicas"},
    {"{storage: {s3: {bucket: b, region: r}}, podDisruptionBudget: {minAvailable: 1, "
     "maxUnavailable: 1}}",
     "name minAvailable or maxUnavailable"},
    {"{storage: {s3: {bucket: b, region: r}}, cache: {redis: {}}}", "name exactly one: managed"},
};

// Every message of x-kubernetes-validations below `schema`, but for rules about changes.
void collect(const json& schema, std::set<std::string>& out) {
  if (schema.is_object()) {
    for (const json& rule : schema.value("x-kubernetes-validations", json::array())) {
      if (!rule.at("rule").get<std::string>().contains("oldSelf")) out.insert(rule.at("message"));
    }
  }
  if (schema.is_structured()) {
    for (const json& each : schema) collect(each, out);
  }
}

TEST(RegistryResource, EveryRuleOfTheSchemaIsKeptHereInTheSameWords) {
  std::set<std::string> messages;
  collect(json::parse(registry_schema()), messages);
  const auto tick_off = [&](const std::string& said) {
    std::erase_if(messages, [&](const std::string& message) { return said.contains(message); });
  };
  for (const auto& [spec, part] : kBroken) {
    const std::string said = refusal(spec);
    EXPECT_THAT(said, HasSubstr(part)) << spec;
    tick_off(said);
  }
  const std::string long_name = std::string("apiVersion: bunker.dev/v1alpha1\nkind: Registry\n") +
                                "metadata: {name: " + std::string(51, 'a') + "}\n";
  tick_off(refusal("{storage: {s3: {bucket: b, region: r}}}", long_name));
  EXPECT_THAT(messages, testing::IsEmpty());
}

TEST(RegistryUserResource, EveryRuleOfTheSchemaIsKeptHereInTheSameWords) {
  std::set<std::string> messages;
  collect(json::parse(registryuser_schema()), messages);
  const auto read = [](std::size_t size) {
    return ResourceReader().user(
        kube::Object(json{{"apiVersion", "bunker.dev/v1alpha1"},
                          {"kind", "RegistryUser"},
                          {"metadata", {{"name", std::string(size, 'a')}, {"namespace", "a"}}},
                          {"spec", {{"registry", {{"name", "images"}}}}}}));
  };
  EXPECT_TRUE(read(63));
  const auto refused = read(64);
  ASSERT_FALSE(refused);
  EXPECT_THAT(messages, testing::ElementsAre("the name goes into a label: at most 63 characters"));
  EXPECT_THAT(refused.error().detail, HasSubstr(*messages.begin()));
}

TEST(RegistryUserResource, IsNamedAsTheResourceUnlessItSaysOtherwise) {
  const auto read = [](const char* spec) {
    const auto documents =
        yaml::read(std::string("apiVersion: bunker.dev/v1alpha1\nkind: RegistryUser\n") +
                   "metadata: {name: alice}\nspec: " + spec);
    return ResourceReader().user(kube::Object(documents->at(0)));
  };
  const auto plain = read("{registry: {name: images}}");
  ASSERT_TRUE(plain) << to_string(plain.error());
  EXPECT_EQ(plain->common_name(), "alice");
  EXPECT_EQ(plain->spec.lifetime, "2160h");
  EXPECT_EQ(read("{registry: {name: images}, commonName: a b}")->common_name(), "a b");
  EXPECT_FALSE(read("{}"));
  EXPECT_FALSE(read("{registry: {name: images}, rights: [{repositories: [a], actions: [run]}]}"));
}

TEST(Defaults, AreThoseThatTheApiServerStores) {
  const kube::Object bare(json{{"apiVersion", "bunker.dev/v1alpha1"},
                               {"kind", "RegistryUser"},
                               {"spec", {{"registry", {{"name", "r"}}}}}});
  const kube::Object full = ResourceReader().with_defaults(bare);
  EXPECT_EQ(ResourceReader().with_defaults(full), full);
  EXPECT_NE(full, bare);
}

}  // namespace
}  // namespace bunker::v1alpha1
