// World, Executor and Reconciler over an API server in memory, with a planner made for the test.
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"
#include "operator/controller/executor.h"
#include "operator/controller/reconciler.h"
#include "operator/controller/relations.h"
#include "operator/controller/strip.h"
#include "operator/controller/world.h"
#include "tests/support/memory_api_server.h"

namespace bunker::op {
namespace {

using namespace std::chrono_literals;
using kube::Object;
using kube::ObjectKey;
using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const kube::Resource kConfigs = kube::builtin_resource({"", "v1", "ConfigMap"}).value();
const kube::Resource kSecrets = kube::builtin_resource({"", "v1", "Secret"}).value();

Object registry(const std::string& name, int replicas) {
  return Object(json{{"apiVersion", "bunker.dev/v1alpha1"},
                     {"kind", "Registry"},
                     {"metadata", {{"name", name}, {"namespace", "ns"}}},
                     {"spec", {{"replicas", replicas}}}});
}

Object owned(const Object& owner, const char* kind, const std::string& data) {
  return Object(json{{"apiVersion", "v1"},
                     {"kind", kind},
                     {"metadata",
                      {{"name", std::string(owner.name())},
                       {"namespace", "ns"},
                       {"labels", {{kManagedByLabel, kManagedBy}}},
                       {"ownerReferences", json::array({{{"apiVersion", "bunker.dev/v1alpha1"},
                                                         {"kind", "Registry"},
                                                         {"name", std::string(owner.name())},
                                                         {"uid", std::string(owner.uid())},
                                                         {"controller", true}}})}}},
                     {"data", {{"k", data}}}});
}

// A ConfigMap with the number of replicas, and a Secret that is made once.
class ToyPlanner final : public Planner {
 public:
  Plan plan(const Observed& observed) const override {
    Plan out;
    const auto find = [&](const char* kind) -> const Object* {
      for (const Object& each : observed.owned) {
        if (each.gvk().kind == kind) return &each;
      }
      return nullptr;
    };
    const Object config =
        owned(observed.subject, "ConfigMap", kube::at(observed.subject, "/spec/replicas").dump());
    const Object* there = find("ConfigMap");
    if (!there || kube::at(*there, "/data") != kube::at(config, "/data")) {
      out.apply.push_back(config);
    }
    if (!find("Secret")) out.create.push_back(owned(observed.subject, "Secret", "first"));
    const std::string said = observed.failure.value_or("well");
    if (kube::at(observed.subject, "/status/said") != said) {
      json status = json_of(observed.subject);
      status["status"] = {{"said", said}};
      out.status = Object(std::move(status));
    }
    return out;
  }
};

class ControllerTest : public testing::Test {
 protected:
  void SetUp() override {
    World::Options options;
    options.wanted = [this](const kube::Resource&, const ObjectKey& key, kube::Priority) {
      const std::lock_guard lock(mutex_);
      ++wanted_[key.name];
      changed_.notify_all();
    };
    world_ = std::make_unique<World>(server_, std::move(options), log_, metrics_);
    executor_ = std::make_unique<Executor>(server_, *world_, events_);
    reconciler_ = std::make_unique<Reconciler>(kRegistries, planner_, *world_, *executor_, clock_);
    ASSERT_TRUE(server_.create(kRegistries, registry("a", 1)));
    world_->start();
    ASSERT_TRUE(world_->wait_until_synced({}));
    await("a");
    while (server_.open_watches() < owned_kinds().size() + 3) std::this_thread::yield();
    server_.take_calls();
  }

  // Waits until the world wants `name` looked at, and forgets that it did.
  void await(const std::string& name) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 20s, [&] { return wanted_[name] > 0; })) << name;
    wanted_[name] = 0;
  }

  void forget_wanted() {
    const std::lock_guard lock(mutex_);
    wanted_.clear();
  }

  std::string replicas_written() {
    const auto config = server_.get(kConfigs, key_);
    return config ? kube::at(*config, "/data/k").get<std::string>() : "";
  }

  // Looks at the subject whenever the world wants it, and again after a conflict, until `done`.
  void reconcile_until(const std::function<bool()>& done) {
    do {
      await("a");
      while (!reconciler_->reconcile(key_)) std::this_thread::yield();
    } while (!done());
  }

  void await_no_config() {
    const auto configs = [&] {
      return std::ranges::count(world_->observe(kRegistries, key_)->owned, "ConfigMap",
                                [](const Object& each) { return each.gvk().kind; });
    };
    while (configs() > 0) std::this_thread::yield();
  }

  // Waits until the world knows this version of the subject.
  void await_version(const Object& subject) {
    const auto known = [&] { return world_->observe(kRegistries, subject.key())->subject; };
    while (known().resource_version() != subject.resource_version()) std::this_thread::yield();
  }

  kube::MemoryApiServer server_;
  SystemClock clock_;
  Metrics metrics_;
  Logger log_{{LogLevel::error, LogFormat::text, {}, 2}};
  kube::EventRecorder events_{server_, {"test", "one"}, clock_, log_};
  ToyPlanner planner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> wanted_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Reconciler> reconciler_;
  const ObjectKey key_{"ns", "a"};
};

TEST_F(ControllerTest, ASecondLookMakesNoRequestAtAll) {
  ASSERT_TRUE(reconciler_->reconcile(key_));
  EXPECT_THAT(server_.take_calls(), ElementsAre("create secrets", "get configmaps",
                                                "apply configmaps", "apply status registries"));
  // At once: what was written is known before the watch tells.
  ASSERT_TRUE(reconciler_->reconcile(key_));
  EXPECT_THAT(server_.take_calls(), IsEmpty());
}

TEST_F(ControllerTest, WhatIsDeletedByOthersIsWantedAndComesBackButNoSecretIsOverwritten) {
  ASSERT_TRUE(reconciler_->reconcile(key_));
  const Object secret = server_.get(kSecrets, key_).value();
  ASSERT_TRUE(server_.remove(kConfigs, key_, {}));
  reconcile_until([&] { return server_.get(kConfigs, key_).has_value(); });
  // A cache that lost the Secret must not cost it.
  world_->deleted(secret);
  server_.take_calls();
  ASSERT_TRUE(reconciler_->reconcile(key_));
  EXPECT_THAT(server_.take_calls(), Contains("create secrets"));
  EXPECT_EQ(server_.get(kSecrets, key_).value(), secret);
}

TEST_F(ControllerTest, AnEditThatAWriteMeetsIsSeenAndNotCoveredUp) {
  ASSERT_TRUE(reconciler_->reconcile(key_));
  // A reason to write the status, and an edit that the watch has not brought yet.
  ASSERT_TRUE(server_.merge(kRegistries, key_, Object(json{{"status", {{"said", "nonsense"}}}})));
  await_version(server_.get(kRegistries, key_).value());
  server_.hold_watches(true);
  ASSERT_TRUE(server_.apply(kRegistries, registry("a", 2), {}));
  const auto outcome = reconciler_->reconcile(key_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::conflict);
  forget_wanted();
  server_.hold_watches(false);
  reconcile_until([&] { return replicas_written() == "2"; });
}

TEST_F(ControllerTest, WhatWasNotKnownWhenItWasWrittenIsLookedAtOnceMore) {
  server_.hold_watches(true);
  forget_wanted();
  // As it should be already, but who knows what else somebody has put there.
  const Object subject = server_.get(kRegistries, key_).value();
  ASSERT_TRUE(server_.create(kConfigs, owned(subject, "ConfigMap", "1")));
  ASSERT_TRUE(reconciler_->reconcile(key_));
  server_.hold_watches(false);
  await("a");
}

TEST_F(ControllerTest, WhatBelongsToSomebodyElseIsNotTakenOver) {
  json theirs = json_of(owned(registry("b", 1), "ConfigMap", "theirs"));
  theirs["metadata"]["name"] = "a";
  theirs["metadata"].erase("labels");
  for (const bool controlled : {true, false}) {
    if (!controlled) theirs["metadata"].erase("ownerReferences");
    ASSERT_TRUE(server_.create(kConfigs, Object(theirs)));
    const auto outcome = reconciler_->reconcile(key_);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Code::already_exists);
    EXPECT_EQ(replicas_written(), "theirs");
    EXPECT_THAT(kube::at(server_.get(kRegistries, key_).value(), "/status/said"),
                HasSubstr("ConfigMap ns/a is there already and belongs to somebody else"));
    ASSERT_TRUE(server_.remove(kConfigs, key_, {}));
    ASSERT_TRUE(reconciler_->reconcile(key_));
    EXPECT_EQ(replicas_written(), "1");
    ASSERT_TRUE(server_.remove(kConfigs, key_, {}));
    await_no_config();
  }
}

TEST_F(ControllerTest, ASecretOfAPersonOrOfAnotherResourceIsInTheWayAndStays) {
  json secret = json_of(owned(registry("b", 1), "Secret", "theirs"));
  secret["metadata"]["name"] = "a";
  for (const bool controlled : {true, false}) {
    if (!controlled) {
      secret["metadata"].erase("ownerReferences");
      secret["metadata"].erase("labels");
    }
    ASSERT_TRUE(server_.create(kSecrets, Object(secret)));
    const auto outcome = reconciler_->reconcile(key_);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Code::already_exists);
    EXPECT_THAT(kube::at(server_.get(kRegistries, key_).value(), "/status/said"),
                HasSubstr("Secret ns/a is there already"));
    EXPECT_EQ(kube::at(server_.get(kSecrets, key_).value(), "/data/k"), "theirs");
    ASSERT_TRUE(server_.remove(kSecrets, key_, {}));
  }
}

TEST_F(ControllerTest, ASecretFromABackupIsAdoptedBeforeAnythingIsMadeOfIt) {
  json secret = json_of(owned(registry("a", 1), "Secret", "restored"));
  secret["metadata"].erase("ownerReferences");
  ASSERT_TRUE(server_.create(kSecrets, Object(secret)));
  const auto outcome = reconciler_->reconcile(key_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::conflict);  // nobody is told of a failure
  EXPECT_EQ(replicas_written(), "");
  const Object adopted = server_.get(kSecrets, key_).value();
  EXPECT_EQ(kube::at(adopted, "/data/k"), "restored");
  ASSERT_TRUE(adopted.controller());
  EXPECT_EQ(adopted.controller()->uid, server_.get(kRegistries, key_).value().uid());
  // It is known at once, and nothing is made in its place.
  server_.take_calls();
  ASSERT_TRUE(reconciler_->reconcile(key_));
  EXPECT_THAT(server_.take_calls(), testing::Not(Contains("create secrets")));
  EXPECT_EQ(replicas_written(), "1");
}

TEST_F(ControllerTest, ASecretOfADeletedOneOfTheSameNameIsWaitedFor) {
  json secret = json_of(owned(registry("a", 1), "Secret", "old"));
  secret["metadata"]["ownerReferences"][0]["uid"] = "of-the-deleted-one";
  ASSERT_TRUE(server_.create(kSecrets, Object(secret)));
  EXPECT_EQ(reconciler_->reconcile(key_).error().code, Code::conflict);
  ASSERT_TRUE(server_.remove(kSecrets, key_, {}));  // as the garbage collector does
  ASSERT_TRUE(reconciler_->reconcile(key_));
  EXPECT_EQ(kube::at(server_.get(kSecrets, key_).value(), "/data/k"), "first");
}

TEST_F(ControllerTest, WhatADeletedOneLeftIsTakenOver) {
  json orphan = json_of(owned(registry("a", 1), "ConfigMap", "old"));
  orphan["metadata"]["labels"].erase(kManagedByLabel);
  ASSERT_TRUE(server_.create(kConfigs, Object(orphan)));  // of a Registry "a" without this uid
  ASSERT_TRUE(reconciler_->reconcile(key_));
  EXPECT_EQ(replicas_written(), "1");
}

TEST_F(ControllerTest, WhatIsGoneWhileItIsWrittenIsPlannedAnew) {
  ASSERT_TRUE(reconciler_->reconcile(key_));
  await_version(server_.apply(kRegistries, registry("a", 2), {}).value());
  server_.hold_watches(true);
  ASSERT_TRUE(server_.remove(kConfigs, key_, {}));
  const auto outcome = reconciler_->reconcile(key_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::conflict);  // nobody is told of a failure
  server_.hold_watches(false);
  reconcile_until([&] { return replicas_written() == "2"; });
}

TEST_F(ControllerTest, ASecretThatAPersonLabelsIsSeenByWhoNamesIt) {
  const auto given = [&] { return world_->observe(kRegistries, key_)->secrets; };
  json secret = {{"apiVersion", "v1"},
                 {"kind", "Secret"},
                 {"metadata", {{"name", "keys"}, {"namespace", "ns"}}},
                 {"data", {{"k", "one"}}}};
  ASSERT_TRUE(server_.create(kSecrets, Object(secret)));
  json spec = {{"storage", {{"s3", {{"credentialsSecret", {{"name", "keys"}}}}}}}};
  ASSERT_TRUE(server_.merge(kRegistries, key_, Object(json{{"spec", spec}})));
  await_version(server_.get(kRegistries, key_).value());
  EXPECT_THAT(given(), IsEmpty());
  forget_wanted();
  secret["metadata"]["labels"] = {{"bunker.dev/registry", "a"}};
  ASSERT_TRUE(server_.apply(kSecrets, Object(secret), {}));
  await("a");
  ASSERT_EQ(given().size(), 1u);
  // A write of the operator's own is known at once.
  secret["data"]["k"] = "two";
  world_->wrote(server_.apply(kSecrets, Object(secret), {}).value());
  EXPECT_EQ(kube::at(given().at(0), "/data/k"), "two");
  // One that is labelled for somebody else is nobody's.
  secret["metadata"]["labels"] = {{"bunker.dev/registry", "b"}};
  ASSERT_TRUE(server_.apply(kSecrets, Object(secret), {}));
  while (!given().empty()) std::this_thread::yield();
}

TEST_F(ControllerTest, NothingIsMadeForASubjectThatGoesBeforeItsFinalizerIsThere) {
  const auto observed = world_->observe(kRegistries, key_).value();
  Plan plan = planner_.plan(observed);
  plan.finalizers = {"bunker.dev/test"};
  ASSERT_TRUE(server_.remove(kRegistries, key_, {}));
  const auto done = executor_->carry_out(plan, observed);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::conflict);
  EXPECT_FALSE(server_.get(kSecrets, key_));
  EXPECT_FALSE(server_.get(kConfigs, key_));
}

TEST_F(ControllerTest, WhatIsGoneIsNobodysBusiness) {
  EXPECT_TRUE(reconciler_->reconcile({"ns", "never-was"}));
  EXPECT_THAT(server_.take_calls(), IsEmpty());
}

TEST_F(ControllerTest, AnOutageIsAnErrorThatIsTriedAgain) {
  server_.fail_all(Code::retry_later);
  EXPECT_EQ(reconciler_->reconcile(key_).error().code, Code::retry_later);
  server_.stop_failing();
  EXPECT_TRUE(reconciler_->reconcile(key_));
  EXPECT_EQ(kube::at(server_.get(kRegistries, key_).value(), "/status/said"), "well");
}

TEST(RelationsTest, WhoSharesAnythingIsTold) {
  const SubjectKey a{"Registry", {"ns", "a"}};
  const SubjectKey b{"Registry", {"ns", "b"}};
  const SubjectKey user{"RegistryUser", {"ns", "u"}};
  Relations relations;
  EXPECT_THAT(relations.set(a, {"registry/a", "bucket/x"}), IsEmpty());
  EXPECT_THAT(relations.set(b, {"registry/b", "bucket/x"}), ElementsAre(a));
  EXPECT_THAT(relations.set(user, {"registry/a"}), ElementsAre(a));
  EXPECT_THAT(relations.of(a), UnorderedElementsAre(b, user));
  // One that leaves is told of once more, by what it shared before.
  EXPECT_THAT(relations.set(b, {"registry/b", "bucket/y"}), ElementsAre(a));
  EXPECT_THAT(relations.of(b), IsEmpty());
  EXPECT_THAT(relations.set(a, {}), ElementsAre(user));
  EXPECT_THAT(relations.of(user), IsEmpty());
}

TEST(StripTest, KeepsWhatPlansRead) {
  const Object service = strip(
      Object(json{{"kind", "Service"},
                  {"metadata",
                   {{"name", "a"},
                    {"annotations",
                     {{"kubectl.kubernetes.io/last-applied-configuration", "x"}, {"mine", "y"}}}}},
                  {"spec", 1},
                  {"status", 2}}));
  EXPECT_EQ(json_of(service), (json{{"kind", "Service"},
                                    {"metadata", {{"name", "a"}, {"annotations", {{"mine", "y"}}}}},
                                    {"spec", 1}}));
  EXPECT_FALSE(
      kube::at(strip(Object(json{{"kind", "Deployment"}, {"status", 2}})), "/status").is_null());
}

}  // namespace
}  // namespace bunker::op
