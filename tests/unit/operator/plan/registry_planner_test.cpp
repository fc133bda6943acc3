#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/api/schema.h"
#include "operator/plan/secrets.h"
#include "tests/unit/operator/plan/cluster.h"

namespace bunker::op {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

std::string registry(const std::string& name, const std::string& spec) {
  return "apiVersion: bunker.dev/v1alpha1\nkind: Registry\nmetadata: {name: " + name +
         "}\nspec: " + spec + "\n---\n";
}

constexpr const char* kPlain =
    "{replicas: 2, storage: {s3: {bucket: b, region: r}}, tls: {clientAuth: {mode: Required}}, "
    "cache: {redis: {managed: {}}}}";

class RegistryPlannerTest : public testing::Test {
 protected:
  Plan plan(const std::string& name = "images") {
    return planner_->plan(cluster_.observe("Registry", name));
  }
  int settle(const std::string& name = "images") {
    return cluster_.settle(*planner_, "Registry", name);
  }
  json condition(const std::string& type, const std::string& name = "images") {
    const kube::Object subject = cluster_.get("Registry", name);
    for (const json& each : kube::at(subject, "/status/conditions")) {
      if (each["type"] == type) return each;
    }
    return nullptr;
  }
  std::string secret_of(const std::string& name) {
    return files_of(cluster_.get("Secret", name + "-http"))["secret"];
  }

  Cluster cluster_;
  std::unique_ptr<Planner> planner_ = make_registry_planner();
};

TEST_F(RegistryPlannerTest, MakesEverythingAndThenNothing) {
  cluster_.add(registry("images", kPlain));
  const Plan first = plan();
  EXPECT_EQ(first.create.size(), 4u);  // http, redis, two CAs
  EXPECT_GT(first.apply.size(), 10u);
  EXPECT_THAT(first.remove, IsEmpty());
  settle();
  const Plan last = plan();
  EXPECT_TRUE(last.nothing_to_write());
  EXPECT_TRUE(last.again);
}

TEST_F(RegistryPlannerTest, MakesSecretsOnce) {
  cluster_.add(registry("images", kPlain));
  settle();
  const kube::Object ca = cluster_.get("Secret", "images-ca");
  const auto set = authority_of(ca);
  ASSERT_TRUE(set) << to_string(set.error());
  EXPECT_TRUE(set->current.certificate().is_ca);
  EXPECT_GE(secret_of("images").size(), 64u);
  cluster_.edit("Registry", "images", {{"spec", {{"readOnly", true}}}});
  settle();
  EXPECT_EQ(cluster_.get("Secret", "images-ca"), ca);
  // The sidecar's changes to the CA are its own.
  cluster_.edit("Secret", "images-ca", {{"data", {{"state.json", "e30="}}}});
  EXPECT_TRUE(plan().nothing_to_write());
}

TEST_F(RegistryPlannerTest, CorrectsWhatSomebodyChanged) {
  cluster_.add(registry("images", kPlain));
  settle();
  cluster_.edit("Service", "images", {{"spec", {{"type", "NodePort"}}}});
  cluster_.edit("Deployment", "images", {{"spec", {{"replicas", 7}}}});
  const Plan correction = plan();
  EXPECT_EQ(correction.apply.size(), 2u);
  settle();
  EXPECT_EQ(kube::at(cluster_.get("Service", "images"), "/spec/type"), "ClusterIP");
  EXPECT_EQ(kube::at(cluster_.get("Deployment", "images"), "/spec/replicas"), 2);
}

TEST_F(RegistryPlannerTest, LeavesAloneWhatIsOthers) {
  cluster_.add(registry("images",
                        "{autoscaling: {maxReplicas: 9}, storage: {s3: {bucket: b, "
                        "region: r}}}"));
  settle();
  cluster_.edit(
      "Deployment", "images",
      {{"spec",
        {{"replicas", 5},
         {"template",
          {{"metadata", {{"annotations", {{"kubectl.kubernetes.io/restartedAt", "now"}}}}}}}}}});
  cluster_.edit("Service", "images", {{"metadata", {{"annotations", {{"cloud", "x"}}}}}});
  const Plan after = plan();
  EXPECT_THAT(after.apply, IsEmpty());
}

TEST_F(RegistryPlannerTest, RemovesWhatIsNotWantedAnyMoreButNoSecret) {
  cluster_.add(registry("images", kPlain));
  settle();
  cluster_.edit("Registry", "images", {{"spec", {{"cache", {{"redis", nullptr}}}}}});
  const Plan removal = plan();
  std::vector<std::string> gone;
  for (const kube::Object& each : removal.remove) gone.push_back(each.gvk().kind);
  EXPECT_THAT(gone, testing::UnorderedElementsAre("Deployment", "Service", "NetworkPolicy"));
  settle();
  EXPECT_FALSE(cluster_.get("Secret", "images-redis").name().empty());
}

TEST_F(RegistryPlannerTest, DeletingDeletesNothingByItself) {
  cluster_.add(registry("images", kPlain));
  settle();
  cluster_.edit("Registry", "images",
                {{"metadata", {{"deletionTimestamp", "2026-11-24T08:00:00Z"}}}});
  EXPECT_TRUE(plan().nothing_to_write());
}

TEST_F(RegistryPlannerTest, UnmanagedIsOnlyLookedAt) {
  cluster_.add(registry("images",
                        "{managementState: Unmanaged, storage: {s3: {bucket: b, region: "
                        "r}}}"));
  const Plan looked = plan();
  EXPECT_THAT(looked.apply, IsEmpty());
  EXPECT_THAT(looked.create, IsEmpty());
  EXPECT_TRUE(looked.status);
}

TEST_F(RegistryPlannerTest, SaysWhatIsWrongWithASpecAndLeavesWhatRuns) {
  cluster_.add(registry("images", kPlain));
  settle();
  cluster_.edit("Registry", "images", {{"spec", {{"storage", {{"s3", nullptr}}}}}});
  const Plan refused = plan();
  EXPECT_THAT(refused.apply, IsEmpty());
  EXPECT_THAT(refused.remove, IsEmpty());
  settle();
  EXPECT_EQ(condition("Ready")["reason"], "InvalidSpec");
  EXPECT_THAT(condition("Ready")["message"].get<std::string>(),
              HasSubstr("name exactly one store: s3 or filesystem"));
}

TEST_F(RegistryPlannerTest, ReportsTheWayToReady) {
  cluster_.add(registry("images", kPlain));
  settle();
  EXPECT_EQ(condition("Ready")["reason"], "RollingOut");
  EXPECT_EQ(condition("StorageReady")["status"], "Unknown");
  EXPECT_EQ(condition("CertificatesReady")["reason"], "AuthorityValid");
  EXPECT_EQ(condition("CacheReady")["reason"], "RedisNotReady");

  cluster_.make_ready("images", 1);
  const Plan news = plan();
  ASSERT_EQ(news.events.size(), 1u);
  EXPECT_FALSE(news.events[0].warning);
  settle();
  EXPECT_EQ(condition("Ready")["reason"], "SomePodsReady");
  EXPECT_EQ(condition("Degraded")["reason"], "PodsNotReady");
  const std::string since = condition("Ready")["lastTransitionTime"];

  cluster_.now += std::chrono::hours(1);
  cluster_.make_ready("images", 2);
  settle();
  EXPECT_EQ(condition("Ready")["reason"], "AllPodsReady");
  EXPECT_EQ(condition("Ready")["lastTransitionTime"], since);
  const kube::Object subject = cluster_.get("Registry", "images");
  EXPECT_EQ(kube::at(subject, "/status/url"), "https://images.a.svc:5000");
  EXPECT_EQ(kube::at(subject, "/status/readiness"), "2/2");
  EXPECT_EQ(kube::at(subject, "/status/certificates/caNotAfter"), "2036-11-21T08:00:00Z");

  cluster_.make_ready("images", 0);
  const Plan bad = plan();
  ASSERT_EQ(bad.events.size(), 1u);
  EXPECT_TRUE(bad.events[0].warning);
  EXPECT_EQ(bad.events[0].reason, "NoPodReady");
}

// Whoever changes the spec and waits for the condition must not be told of the pods before.
TEST_F(RegistryPlannerTest, AChangeIsNotDoneBeforeItHasRolledOut) {
  cluster_.add(registry("images", kPlain));
  settle();
  cluster_.make_ready("images", 2);
  settle();
  ASSERT_EQ(condition("Progressing")["status"], "False");
  cluster_.edit("Registry", "images", {{"spec", {{"readOnly", true}}}});
  const Observed observed = cluster_.observe("Registry", "images");
  cluster_.carry_out(planner_->plan(observed), observed.subject);
  EXPECT_EQ(condition("Progressing")["status"], "True");
  EXPECT_EQ(condition("Ready")["reason"], "SomePodsReady");
  settle();
  EXPECT_EQ(condition("Ready")["reason"], "AllPodsReady");
}

TEST_F(RegistryPlannerTest, TheStatusFitsItsSchema) {
  cluster_.add(registry("images", kPlain) + registry("other", kPlain));
  settle();
  settle("other");
  cluster_.make_ready("images", 2);
  settle();
  const v1alpha1::Schema schema(v1alpha1::registry_schema());
  for (const v1alpha1::Problem& each : schema.check(json_of(cluster_.get("Registry", "images")))) {
    ADD_FAILURE() << each.path << ": " << each.message;
  }
}

TEST_F(RegistryPlannerTest, FailuresAreTold) {
  cluster_.add(registry("images", kPlain));
  Observed observed = cluster_.observe("Registry", "images");
  observed.failure = "the API server refuses it";
  const Plan told = planner_->plan(observed);
  EXPECT_THAT(told.apply, IsEmpty());
  ASSERT_TRUE(told.status);
  EXPECT_EQ(kube::at(*told.status, "/status/conditions/0/reason"), "ApplyFailed");
}

TEST_F(RegistryPlannerTest, RegistriesOnOneBucketShareTheOldestsSecret) {
  cluster_.add(registry("first", kPlain));
  settle("first");
  cluster_.add(registry("second", kPlain));
  settle("second");
  EXPECT_EQ(secret_of("first"), secret_of("second"));
  EXPECT_EQ(kube::at(cluster_.get("Registry", "second"), "/status/sharedWith/0"), "a/first");

  // Each had its own before they came to share.
  cluster_.add(registry("third", "{storage: {s3: {bucket: other, region: r}}}"));
  settle("third");
  EXPECT_NE(secret_of("first"), secret_of("third"));
  cluster_.edit("Registry", "third", {{"spec", {{"storage", {{"s3", {{"bucket", "b"}}}}}}}});
  settle("third");
  EXPECT_EQ(secret_of("first"), secret_of("third"));
  settle("first");
  EXPECT_EQ(secret_of("first"), secret_of("third"));
}

TEST_F(RegistryPlannerTest, ASecretThatChangesRollsThePods) {
  cluster_.add(registry("images", kPlain));
  settle();
  const auto hash = [&] {
    return kube::at(cluster_.get("Deployment", "images"),
                    "/spec/template/metadata/annotations/bunker.dev~1config-hash");
  };
  const json before = hash();
  cluster_.edit("Secret", "images-redis", {{"data", {{"password", "bmV3"}}}});
  settle();
  EXPECT_NE(hash(), before);
}

TEST_F(RegistryPlannerTest, ALabelledSecretOfAPersonThatChangesRollsThePods) {
  cluster_.add(registry(
      "images", "{storage: {s3: {bucket: b, region: r, credentialsSecret: {name: keys}}}}"));
  cluster_.add(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata: {AWS_ACCESS_KEY_ID: YQ==}");
  settle();
  const auto hash = [&] {
    return kube::at(cluster_.get("Deployment", "images"),
                    "/spec/template/metadata/annotations/bunker.dev~1config-hash");
  };
  cluster_.edit("Secret", "keys",
                {{"metadata", {{"labels", {{"bunker.dev/registry", "images"}}}}}});
  settle();
  const json before = hash();
  cluster_.edit("Secret", "keys", {{"metadata", {{"annotations", {{"note", "x"}}}}}});
  EXPECT_TRUE(plan().nothing_to_write());
  cluster_.edit("Secret", "keys", {{"data", {{"AWS_ACCESS_KEY_ID", "Yg=="}}}});
  settle();
  EXPECT_NE(hash(), before);
}

TEST_F(RegistryPlannerTest, AnAccessRuleRollsNoPods) {
  cluster_.add(registry("images", kPlain));
  settle();
  cluster_.edit("Registry", "images",
                {{"spec",
                  {{"access",
                    {{"rules", json::array({{{"identities", {"cn:a"}},
                                             {"repositories", {"**"}},
                                             {"actions", {"pull"}}}})}}}}}});
  const Plan change = plan();
  ASSERT_EQ(change.apply.size(), 1u);
  EXPECT_EQ(change.apply[0].name(), "images-access");
}

TEST_F(RegistryPlannerTest, RegistriesThatDisagreeOnOneBucketAreToldOfEachOther) {
  cluster_.add(registry("first", kPlain));
  settle("first");
  cluster_.make_ready("first", 2);
  settle("first");
  cluster_.add(registry("second",
                        "{collection: {enabled: true}, storage: {s3: {bucket: b, region: "
                        "r}}}"));
  settle("second");
  EXPECT_EQ(condition("Ready", "second")["reason"], "SharedInConflict");
  EXPECT_THAT(condition("Ready", "second")["message"].get<std::string>(),
              testing::AllOf(HasSubstr("Registry a/first"), HasSubstr("spec.collection")));
  EXPECT_TRUE(cluster_.get("Deployment", "second").name().empty());
  settle("first");
  EXPECT_EQ(condition("Degraded", "first")["reason"], "SharedInConflict");
}

TEST_F(RegistryPlannerTest, AVolumesClaimIsAppliedOnceAndOutlivesItsRegistry) {
  cluster_.add(registry("disk", "{storage: {filesystem: {volume: {size: 1Gi}}}}"));
  settle("disk");
  const kube::Object claim = cluster_.get("PersistentVolumeClaim", "disk-data");
  EXPECT_FALSE(claim.name().empty());
  EXPECT_THAT(claim.owners(), IsEmpty());
  cluster_.edit("Registry", "disk",
                {{"spec", {{"storage", {{"filesystem", {{"volume", {{"size", "2Gi"}}}}}}}}}});
  settle("disk");
  EXPECT_EQ(kube::at(cluster_.get("PersistentVolumeClaim", "disk-data"),
                     "/spec/resources/requests/storage"),
            "2Gi");
}

}  // namespace
}  // namespace bunker::op
