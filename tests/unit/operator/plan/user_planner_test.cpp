#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/pki/bundle.h"
#include "operator/api/schema.h"
#include "operator/plan/secrets.h"
#include "operator/plan/user_identity.h"
#include "tests/unit/operator/plan/cluster.h"

namespace bunker::op {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kRegistry =
    "apiVersion: bunker.dev/v1alpha1\nkind: Registry\nmetadata: {name: images}\n"
    "spec: {storage: {s3: {bucket: b, region: r}}, tls: {clientAuth: {mode: Required}}}\n";
constexpr const char* kUser =
    "apiVersion: bunker.dev/v1alpha1\nkind: RegistryUser\nmetadata: {name: alice}\n"
    "spec: {registry: {name: images}, groups: [builders], lifetime: 24h}\n";

class UserPlannerTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.add(kRegistry);
    cluster_.settle(*registries_, "Registry", "images");
  }
  void settle() { cluster_.settle(*users_, "RegistryUser", "alice"); }
  Plan plan() { return users_->plan(cluster_.observe("RegistryUser", "alice")); }
  pki::Certificate certificate() {
    return pki::parse_bundle(files_of(cluster_.get("Secret", "alice"))["tls.crt"])->front();
  }
  pki::AuthoritySet authority() {
    return *authority_of(cluster_.get("Secret", "images-client-ca"));
  }
  bool revoked(const std::string& serial) {
    const pki::AuthoritySet set = authority();
    return std::ranges::any_of(set.crls,
                               [&](const pki::Crl& each) { return each.revokes(serial); });
  }
  std::string reason() {
    const json& found =
        kube::at(cluster_.get("RegistryUser", "alice"), "/status/conditions/0/reason");
    return found.is_string() ? found.get<std::string>() : "";
  }

  std::string message() {
    return kube::at(cluster_.get("RegistryUser", "alice"), "/status/conditions/0/message").dump();
  }

  Cluster cluster_;
  std::unique_ptr<Planner> registries_ = make_registry_planner();
  std::unique_ptr<Planner> users_ = make_user_planner();
};

TEST_F(UserPlannerTest, MakesTwoSecretsAndThenNothing) {
  cluster_.add(kUser);
  settle();
  Files program = files_of(cluster_.get("Secret", "alice"));
  const Files docker = files_of(cluster_.get("Secret", "alice-docker"));
  std::vector<std::string> names;
  for (const auto& [name, bytes] : docker) names.push_back(name);
  EXPECT_THAT(names, testing::ElementsAre("ca.crt", "client.cert", "client.key"));
  EXPECT_EQ(kube::at(cluster_.get("Secret", "alice"), "/type"), "kubernetes.io/tls");
  EXPECT_EQ(program["tls.key"], docker.at("client.key"));

  const pki::Certificate made = certificate();
  EXPECT_EQ(made.subject.common_name, "alice");
  EXPECT_THAT(made.subject.organizations, testing::ElementsAre("builders"));
  EXPECT_TRUE(made.for_clients);
  EXPECT_EQ(made.issuer.text, authority().current.certificate().subject.text);
  EXPECT_TRUE(plan().nothing_to_write());
  EXPECT_EQ(kube::at(cluster_.get("RegistryUser", "alice"), "/status/serial"), made.serial);

  const v1alpha1::Schema schema(v1alpha1::registryuser_schema());
  for (const auto& each : schema.check(json_of(cluster_.get("RegistryUser", "alice")))) {
    ADD_FAILURE() << each.path << ": " << each.message;
  }
}

TEST_F(UserPlannerTest, NotesTheCertificateBeforeHandingItOut) {
  cluster_.add(kUser);
  const Plan first = plan();
  ASSERT_EQ(first.apply.size(), 3u);
  EXPECT_EQ(first.apply[0].name(), "images-client-ca");
  EXPECT_FALSE(kube::at(first.apply[0], "/metadata/resourceVersion").is_null());
  ASSERT_TRUE(first.finalizers);
  EXPECT_THAT(*first.finalizers, testing::ElementsAre("bunker.dev/revoke"));
}

TEST_F(UserPlannerTest, RenewsAtTwoThirdsOfTheLife) {
  cluster_.add(kUser);
  settle();
  const std::string first = certificate().serial;
  cluster_.now += std::chrono::hours(14);
  EXPECT_TRUE(plan().nothing_to_write());
  cluster_.now += std::chrono::hours(3);
  settle();
  EXPECT_NE(certificate().serial, first);
  EXPECT_FALSE(revoked(first));  // it runs out by itself
}

TEST_F(UserPlannerTest, RenewsWhenAskedTo) {
  cluster_.add(kUser);
  settle();
  const std::string first = certificate().serial;
  cluster_.edit("RegistryUser", "alice",
                {{"metadata", {{"annotations", {{"bunker.dev/renew", "1"}}}}}});
  settle();
  const std::string second = certificate().serial;
  EXPECT_NE(second, first);
  EXPECT_TRUE(plan().nothing_to_write());
  EXPECT_FALSE(revoked(first));

  cluster_.edit("RegistryUser", "alice",
                {{"metadata", {{"annotations", {{"bunker.dev/replace", "stolen"}}}}}});
  settle();
  EXPECT_NE(certificate().serial, second);
  EXPECT_TRUE(revoked(first));
  EXPECT_TRUE(revoked(second));
  EXPECT_FALSE(revoked(certificate().serial));
}

TEST_F(UserPlannerTest, DeletingRevokesAllThatIsOut) {
  cluster_.add(kUser);
  settle();
  const std::string first = certificate().serial;
  cluster_.now += std::chrono::hours(17);
  settle();
  const std::string second = certificate().serial;
  cluster_.edit("RegistryUser", "alice",
                {{"metadata", {{"deletionTimestamp", "2026-11-25T08:00:00Z"}}}});
  const Observed observed = cluster_.observe("RegistryUser", "alice");
  const Plan leaving = users_->plan(observed);
  ASSERT_TRUE(leaving.finalizers);
  EXPECT_THAT(*leaving.finalizers, IsEmpty());
  cluster_.carry_out(leaving, observed.subject);
  EXPECT_TRUE(revoked(first));
  EXPECT_TRUE(revoked(second));
  EXPECT_TRUE(plan().nothing_to_write());
}

TEST_F(UserPlannerTest, DeletingAfterItsRegistryIsNotHeldUp) {
  cluster_.add(kUser);
  settle();
  cluster_.erase("Registry", "images");
  cluster_.edit("RegistryUser", "alice",
                {{"metadata", {{"deletionTimestamp", "2026-11-25T08:00:00Z"}}}});
  const Plan leaving = plan();
  ASSERT_TRUE(leaving.finalizers);
  EXPECT_THAT(*leaving.finalizers, IsEmpty());
  EXPECT_THAT(leaving.apply, IsEmpty());
  // Its CA may be a person's, and still trusted.
  ASSERT_EQ(leaving.events.size(), 1u);
  EXPECT_EQ(leaving.events[0].reason, "NotRevoked");
}

TEST_F(UserPlannerTest, DeletingRevokesWhateverTheStateOfItsRegistry) {
  const json invalid = {{"spec", {{"storage", nullptr}}}};
  const json deleting = {{"metadata", {{"deletionTimestamp", "2026-11-25T08:00:00Z"}}}};
  for (const json& state : {invalid, deleting}) {
    Cluster cluster;
    cluster.add(kRegistry);
    cluster.settle(*registries_, "Registry", "images");
    cluster.add(kUser);
    cluster.settle(*users_, "RegistryUser", "alice");
    cluster.edit("Registry", "images", state);
    cluster.edit("RegistryUser", "alice", deleting);
    const Plan leaving = users_->plan(cluster.observe("RegistryUser", "alice"));
    ASSERT_TRUE(leaving.finalizers) << state;
    EXPECT_THAT(leaving.events, IsEmpty()) << state;
    ASSERT_EQ(leaving.apply.size(), 1u) << state;
    EXPECT_EQ(leaving.apply[0].name(), "images-client-ca");
  }
}

TEST_F(UserPlannerTest, ASecretThatIsGoneOrSpoiltIsMadeAnew) {
  cluster_.add(kUser);
  settle();
  cluster_.erase("Secret", "alice-docker");
  EXPECT_EQ(plan().apply.size(), 1u);
  settle();
  cluster_.edit("Secret", "alice", {{"data", {{"tls.key", "bm9uZQ=="}}}});
  settle();
  EXPECT_EQ(files_of(cluster_.get("Secret", "alice"))["tls.key"],
            files_of(cluster_.get("Secret", "alice-docker"))["client.key"]);
}

TEST_F(UserPlannerTest, SaysWhyThereIsNoCertificate) {
  cluster_.add(kUser);
  cluster_.erase("Secret", "images-client-ca");
  settle();
  EXPECT_EQ(reason(), "AuthorityMissing");
  cluster_.edit("Registry", "images", {{"spec", {{"tls", {{"clientAuth", {{"mode", "None"}}}}}}}});
  settle();
  EXPECT_EQ(reason(), "ClientsNotAsked");
  cluster_.erase("Registry", "images");
  settle();
  EXPECT_EQ(reason(), "RegistryMissing");
}

TEST_F(UserPlannerTest, SignsWithAPersonsCaThatIsLabelledAndHasItsKey) {
  cluster_.add(kUser);
  cluster_.add("apiVersion: v1\nkind: Secret\nmetadata: {name: corp}\n");
  json data = kube::at(cluster_.get("Secret", "images-client-ca"), "/data");
  const json key = data["ca.key"];
  data.erase("ca.key");
  data.erase("state.json");
  cluster_.edit("Secret", "corp", {{"data", data}});
  cluster_.edit("Registry", "images",
                {{"spec", {{"tls", {{"clientAuth", {{"caSecret", {{"name", "corp"}}}}}}}}}});
  settle();
  EXPECT_EQ(reason(), "AuthorityOutOfReach");
  EXPECT_THAT(message(), HasSubstr("label secret corp bunker.dev/registry=images"));
  cluster_.edit("Secret", "corp",
                {{"metadata", {{"labels", {{"bunker.dev/registry", "images"}}}}}});
  settle();
  EXPECT_EQ(reason(), "AuthorityWithoutKey");
  EXPECT_THAT(message(), HasSubstr("add the key"));
  cluster_.edit("Secret", "corp", {{"data", {{"ca.key", key}}}});
  settle();
  EXPECT_EQ(reason(), "CertificateValid");
  const auto corp = authority_of(cluster_.get("Secret", "corp"));
  ASSERT_TRUE(corp);
  ASSERT_EQ(corp->issued.size(), 1u);
  EXPECT_EQ(corp->issued[0].serial, certificate().serial);
  EXPECT_EQ(kube::at(cluster_.get("Secret", "corp"), "/data/ca.key"), key);

  // It is where a user is revoked, however invalid the Registry that names it.
  cluster_.edit("Registry", "images", {{"spec", {{"storage", nullptr}}}});
  cluster_.edit("RegistryUser", "alice",
                {{"metadata", {{"deletionTimestamp", "2026-11-25T08:00:00Z"}}}});
  const Plan leaving = plan();
  ASSERT_EQ(leaving.apply.size(), 1u);
  EXPECT_EQ(leaving.apply[0].name(), "corp");
}

TEST_F(UserPlannerTest, ItsRightsReachTheRegistrysRules) {
  cluster_.add(std::string(kUser).replace(std::string(kUser).find("lifetime: 24h"), 13,
                                          "rights: [{repositories: [team/**], actions: [pull]}]"));
  cluster_.settle(*registries_, "Registry", "images");
  const json& rules = kube::at(cluster_.get("ConfigMap", "images-access"), "/data/access.yml");
  EXPECT_THAT(rules.get<std::string>(), HasSubstr("cn:alice"));
}

}  // namespace
}  // namespace bunker::op
