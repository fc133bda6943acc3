// Two replicas over one store, each with a cache of its own.
#include "registryd/cache/caching_store.h"

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registryd/core/errors.h"
#include "registryd/core/layout.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::cache {
namespace {

using registry::CountingStore;
using registry::Registry;
using registry::SyncRegistry;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A cache that several replicas share, as Redis is, without expiry.
class FakeShared final : public SharedFacts {
 public:
  Task<std::optional<Fact>> find(storage::ObjectKey key) override {
    const auto found = facts.find(key);
    if (found == facts.end()) co_return std::nullopt;
    co_return found->second;
  }
  Task<void> keep(storage::ObjectKey key, Fact fact) override {
    if (std::ranges::find(forgotten, key) == forgotten.end()) facts[key] = std::move(fact);
    co_return;
  }
  Task<void> forget(std::vector<storage::ObjectKey> keys) override {
    for (const auto& key : keys) {
      facts.erase(key);
      forgotten.push_back(key);
    }
    co_return;
  }
  Task<void> clear() override {
    facts.clear();
    co_return;
  }

  std::map<storage::ObjectKey, Fact> facts;
  std::vector<storage::ObjectKey> forgotten;
};

struct Replica {
  Replica(storage::ObjectStore& shared_store, const Clock& clock, SharedFacts* shared)
      : store(shared_store),
        caching((store.set_remote(true), make_caching_store(store, shared, 10'000, metrics))) {
    Registry::Options options;
    options.delete_enabled = true;
    registry.emplace(*caching, clock, std::move(options));
  }
  // The calls that reach the store, since the last time.
  std::vector<std::string> calls() { return std::exchange(store.calls, {}); }

  Metrics metrics;
  CountingStore store;
  std::unique_ptr<CachingStore> caching;
  std::optional<SyncRegistry> registry;
};

class CachingStoreTest : public ::testing::Test {
 protected:
  Replica& add(SharedFacts* shared = nullptr) {
    replicas_.push_back(std::make_unique<Replica>(*memory_, clock_, shared));
    return *replicas_.back();
  }
  static registry::Digest push(Replica& replica, const std::string& bytes) {
    return replica.registry->push("app", bytes).value().digest;
  }
  static std::string image_of(const std::vector<std::string>& blobs) {
    std::vector<std::string> layers;
    for (std::size_t i = 1; i < blobs.size(); ++i) {
      layers.push_back(registry::blob_descriptor(blobs[i]));
    }
    return registry::image(registry::blob_descriptor(blobs[0]), layers);
  }

  registry::ManualClock clock_;
  std::unique_ptr<storage::ObjectStore> memory_ = storage::make_memory_store();
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(CachingStoreTest, WhatIsKnownIsNotAskedAgain) {
  const auto blob = push(add(), "bytes");
  Replica& replica = add();
  ASSERT_TRUE(replica.registry->stat("app", blob));
  EXPECT_THAT(replica.calls(), ElementsAre("read", "head"));
  EXPECT_EQ(replica.registry->stat("app", blob)->size, 5U);
  EXPECT_THAT(replica.calls(), IsEmpty());
  EXPECT_EQ(replica.registry->blob("app", blob), "bytes");
  EXPECT_THAT(replica.calls(), ElementsAre("get"));
  const auto statistics = replica.caching->statistics();
  EXPECT_EQ(statistics.requests, 5U);
  EXPECT_EQ(statistics.hits, 3U);
  EXPECT_EQ(statistics.entries, 2U);
  run_task(replica.caching->flush());
  ASSERT_TRUE(replica.registry->stat("app", blob));
  EXPECT_THAT(replica.calls(), ElementsAre("read", "head"));
}

TEST_F(CachingStoreTest, WhoPushedKnows) {
  Replica& replica = add();
  const auto blob = push(replica, "bytes");
  replica.calls();
  EXPECT_EQ(replica.registry->stat("app", blob)->size, 5U);
  EXPECT_THAT(replica.calls(), IsEmpty());
}

TEST_F(CachingStoreTest, TagsAreAlwaysAsked) {
  Replica& first = add();
  Replica& second = add();
  push(first, "config");
  for (const std::string layer : {"one", "two"}) {
    push(first, layer);
    const std::string manifest = image_of({"config", layer});
    ASSERT_TRUE(first.registry->put("app", "latest", manifest));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(*second.registry->get("app", "latest")->bytes, manifest);
  }
  second.calls();
  ASSERT_TRUE(second.registry->get("app", "latest"));
  EXPECT_THAT(second.calls(), ElementsAre("read"));
  ASSERT_TRUE(first.registry->remove("app", "latest"));
  EXPECT_FALSE(second.registry->get("app", "latest"));
}

TEST_F(CachingStoreTest, AManifestByDigestIsNotAskedAgain) {
  Replica& replica = add();
  push(replica, "config");
  const auto digest = replica.registry->put("app", "v1", image_of({"config"}))->digest;
  replica.calls();
  ASSERT_TRUE(replica.registry->get("app", digest.str()));
  EXPECT_THAT(replica.calls(), IsEmpty());
  ASSERT_TRUE(replica.registry->remove("app", digest.str()));
  EXPECT_FALSE(replica.registry->get("app", digest.str()));
}

TEST_F(CachingStoreTest, ThatNothingIsThereIsNotRemembered) {
  Replica& first = add();
  Replica& second = add();
  const auto blob = registry::sha256_of("bytes");
  EXPECT_FALSE(second.registry->stat("app", blob));
  push(first, "bytes");
  EXPECT_TRUE(second.registry->stat("app", blob));
}

TEST_F(CachingStoreTest, APushRestsOnWhatIsTrueNow) {
  Replica& first = add();
  Replica& second = add();
  std::vector<std::string> blobs{"config", "a", "b", "c"};
  for (const auto& blob : blobs) push(first, blob);
  for (const auto& blob : blobs) {
    ASSERT_TRUE(first.registry->stat("app", registry::sha256_of(blob)));
  }
  ASSERT_TRUE(second.registry->remove_blob("app", registry::sha256_of("b")));
  const auto refused = first.registry->put("app", "v1", image_of(blobs));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, registry::reason::kManifestBlobUnknown);
  // Few of them are looked at one by one.
  EXPECT_FALSE(first.registry->put("app", "v1", image_of({"config", "b"})));
  EXPECT_FALSE(first.registry->mount("other", registry::sha256_of("b"), "app").value());
  // The same where the bytes went, and were not written here.
  const auto gone = registry::sha256_of("a");
  ASSERT_TRUE(second.registry->stat("app", gone));
  Context context;
  ASSERT_TRUE(run_task(memory_->remove(context, {registry::layout::blob_data(gone)})));
  EXPECT_FALSE(second.registry->put("app", "v1", image_of({"config", "a"})));
  EXPECT_FALSE(second.registry->mount("other", gone, "app").value());
}

TEST_F(CachingStoreTest, APushDoesNotAskForItsOwnBytes) {
  Replica& replica = add();
  const std::vector<std::string> blobs{"config", "a", "b", "c"};
  for (const auto& blob : blobs) push(replica, blob);
  replica.calls();
  ASSERT_TRUE(replica.registry->put("app", "v1", image_of(blobs)));
  EXPECT_THAT(replica.calls(), ElementsAre("list", "put", "put", "put", "put"));
  // Another replica does, and looks whether a collection runs.
  Replica& other = add();
  ASSERT_TRUE(other.registry->put("app", "v2", image_of(blobs)));
  EXPECT_EQ(other.calls(), (std::vector<std::string>{"list", "list", "head", "head", "head", "head",
                                                     "put", "put", "put", "put"}));
}

TEST_F(CachingStoreTest, BytesOnTheirWayAreNotThereYet) {
  Replica& replica = add();
  const auto blob = registry::sha256_of("bytes");
  auto upload = replica.registry->start("app");
  upload = replica.registry->append(*upload, "bytes");
  replica.calls();
  Context context;
  EXPECT_FALSE(run_task(replica.caching->exact().head(context, registry::layout::blob_data(blob))));
  ASSERT_TRUE(replica.registry->finish(*upload, blob));
  replica.calls();
  EXPECT_TRUE(run_task(replica.caching->exact().head(context, registry::layout::blob_data(blob))));
  EXPECT_THAT(replica.calls(), IsEmpty());
}

TEST_F(CachingStoreTest, ARepositoryOfManyBlobsIsNotListed) {
  Replica& replica = add();
  Context context;
  for (int i = 0; i < 300; ++i) {
    const auto digest = registry::sha256_of(std::to_string(i));
    const auto link = registry::layout::layer_link(registry::name_of("app"), digest);
    ASSERT_TRUE(run_task(memory_->put(context, link, digest.str())));
  }
  const std::vector<std::string> blobs{"config", "a", "b"};
  for (const auto& blob : blobs) push(replica, blob);
  replica.calls();
  ASSERT_TRUE(replica.registry->put("app", "v1", image_of(blobs)));
  EXPECT_EQ(replica.calls(),
            (std::vector<std::string>{"list", "read", "read", "read", "put", "put", "put", "put"}));
  ASSERT_TRUE(replica.registry->put("app", "v2", image_of(blobs)));
  EXPECT_EQ(replica.calls(),
            (std::vector<std::string>{"read", "read", "read", "put", "put", "put", "put"}));
}

TEST_F(CachingStoreTest, ManyWhoAskAtOnceAskOnce) {
  const auto blob = push(add(), "bytes");
  Replica& replica = add();
  const auto key = registry::layout::blob_data(blob);
  Context context;
  std::vector<Task<Result<storage::ObjectInfo>>> heads;
  for (int i = 0; i < 10; ++i) heads.push_back(replica.caching->head(context, key));
  for (const auto& info : run_task(when_all(std::move(heads)))) EXPECT_EQ(info->size, 5U);
  EXPECT_THAT(replica.calls(), ElementsAre("head"));

  std::vector<Task<Result<std::string>>> reads;
  for (int i = 0; i < 10; ++i) reads.push_back(replica.caching->read(context, key, 100));
  for (const auto& bytes : run_task(when_all(std::move(reads)))) EXPECT_EQ(bytes, "bytes");
  EXPECT_THAT(replica.calls(), ElementsAre("read"));

  // What is not there may be there by the time that the second one asks.
  const auto absent = registry::layout::blob_data(registry::sha256_of("absent"));
  for (int i = 0; i < 3; ++i) heads.push_back(replica.caching->head(context, absent));
  heads.erase(heads.begin(), heads.end() - 3);
  for (const auto& info : run_task(when_all(std::move(heads)))) EXPECT_FALSE(info);
  EXPECT_THAT(replica.calls(), ElementsAre("head", "head", "head"));
}

TEST_F(CachingStoreTest, ReplicasShareWhatTheyKnow) {
  FakeShared shared;
  Replica& first = add(&shared);
  Replica& second = add(&shared);
  const auto blob = push(first, "bytes");
  EXPECT_TRUE(second.registry->stat("app", blob));
  EXPECT_THAT(second.calls(), IsEmpty());
  ASSERT_TRUE(second.registry->remove_blob("app", blob));
  const auto link = registry::layout::layer_link(registry::name_of("app"), blob);
  EXPECT_THAT(shared.forgotten, UnorderedElementsAre(link));
  EXPECT_FALSE(second.registry->stat("app", blob));
  Replica& third = add(&shared);
  EXPECT_FALSE(third.registry->stat("app", blob));
}

}  // namespace
}  // namespace bunker::cache
