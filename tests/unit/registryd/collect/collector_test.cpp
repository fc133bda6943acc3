#include "registryd/collect/collector.h"

#include <gmock/gmock.h>

#include "registryd/core/collection_keys.h"
#include "registryd/core/errors.h"
#include "registryd/core/layout.h"
#include "tests/sim/world.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::collect {
namespace {

namespace keys = registry::collection;
namespace layout = registry::layout;
using namespace std::chrono_literals;
using registry::blob_descriptor;
using registry::name_of;
using registry::sha256_of;
using registry::sha512_of;
using registry::SyncRegistry;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CollectorTest : public ::testing::Test {
 protected:
  CollectorTest() {
    registry::Registry::Options options;
    options.delete_enabled = true;
    options.timer = &world_;
    registry_ = std::make_unique<SyncRegistry>(*store_, world_.clock(), options);
    options_.minimum_age = 0s;
    options_.grace = 20s;
    options_.bounds.known_for = 0s;
  }

  // An image of one layer; its digest.
  std::string push_image(std::string name, std::string reference, std::string layer,
                         std::string extra = {}) {
    EXPECT_TRUE(registry_->push(name, "{}"));
    EXPECT_TRUE(registry_->push(name, layer));
    const std::string bytes =
        registry::image(blob_descriptor("{}"), {blob_descriptor(layer)}, extra);
    const std::string digest = sha256_of(bytes).str();
    EXPECT_TRUE(registry_->put(name, reference.empty() ? digest : reference, bytes));
    return digest;
  }

  Result<Progress> collect() { return collect(options_); }
  Result<Progress> collect(Options options) {
    Collector collector({*store_, world_, world_.clock()}, options, hooks_);
    return run(collector);
  }
  Result<Progress> run(Collector& collector) {
    pass(1s);  // what was written before is not of the very instant in which the run starts
    std::optional<Result<Progress>> out;
    const auto task = [](Collector& one, std::optional<Result<Progress>>& into) -> Task<void> {
      Context context;
      into = co_await one.run(context);
    };
    world_.start(task(collector, out));
    world_.run();
    return std::move(*out);
  }

  void pass(std::chrono::nanoseconds time) {
    world_.start(world_.sleep(time));
    world_.run();
  }

  bool has(std::string_view bytes) {
    Context context;
    return run_task(store_->head(context, layout::blob_data(sha256_of(bytes)))).has_value();
  }
  std::vector<std::string> all(std::string_view prefix) {
    Context context;
    storage::ListOptions options;
    options.limit = 1'000'000;
    const auto page = run_task(store_->list(context, std::string(prefix), options));
    std::vector<std::string> out;
    for (const auto& entry : page->entries) out.push_back(entry.key);
    return out;
  }
  void put(std::string key, std::string bytes) {
    Context context;
    ASSERT_TRUE(run_task(store_->put(context, std::move(key), std::move(bytes))));
  }

  sim::World world_{1};
  std::unique_ptr<storage::ObjectStore> store_ = storage::make_memory_store(&world_.clock());
  std::unique_ptr<SyncRegistry> registry_;
  Options options_;
  Hooks hooks_;
};

TEST_F(CollectorTest, TakesWhatNothingRefersToAndNothingElse) {
  push_image("a/kept", "v1", "shared");
  const std::string gone = push_image("a/gone", "v1", "layer of gone");
  push_image("a/gone", "v2", "shared");
  ASSERT_TRUE(registry_->remove("a/gone", gone));
  ASSERT_TRUE(registry_->push("a/loose", "never named by a manifest"));

  const auto report = collect();
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_FALSE(has("layer of gone"));
  EXPECT_FALSE(has("never named by a manifest"));
  EXPECT_TRUE(has("shared"));
  EXPECT_TRUE(has("{}"));
  EXPECT_TRUE(registry_->blob("a/kept", sha256_of("shared")));
  EXPECT_TRUE(registry_->blob("a/gone", sha256_of("shared")));
  EXPECT_EQ(registry_->stat("a/gone", sha256_of("layer of gone")).error().reason,
            registry::reason::kBlobUnknown);
  EXPECT_EQ(report->deleted_blobs, 3u);  // two layers, one manifest
  EXPECT_GT(report->deleted_bytes, 0u);
  EXPECT_THAT(all("docker/registry/bunker/"), IsEmpty());
  EXPECT_EQ(collect()->deleted, 0u);  // all of it went at once
}

TEST_F(CollectorTest, SparesWhatIsYoung) {
  ASSERT_TRUE(registry_->push("a", "old"));
  pass(2h);
  ASSERT_TRUE(registry_->push("a", "young"));
  options_.minimum_age = 1h;
  ASSERT_TRUE(collect());
  EXPECT_FALSE(has("old"));
  EXPECT_TRUE(has("young"));
}

TEST_F(CollectorTest, KeepsUntaggedManifestsUnlessAskedTo) {
  const std::string digest = push_image("a", "v1", "layer");
  ASSERT_TRUE(registry_->remove("a", "v1"));
  ASSERT_TRUE(collect());
  EXPECT_TRUE(has("layer"));
  options_.delete_untagged = true;
  ASSERT_TRUE(collect());
  EXPECT_FALSE(has("layer"));
  EXPECT_FALSE(registry_->get("a", digest));
  EXPECT_THAT(all("docker/registry/v2/"), IsEmpty());
}

TEST_F(CollectorTest, FollowsIndexesSubjectsAndReferrers) {
  const auto child = [&](const std::string& layer) {
    push_image("a", {}, layer);
    const std::string bytes = registry::image(blob_descriptor("{}"), {blob_descriptor(layer)});
    return registry::descriptor(registry::media_type::kOciImage, sha256_of(bytes), bytes.size());
  };
  const std::string inner = registry::index_of({child("x86"), child("arm")});
  ASSERT_TRUE(registry_->put("a", sha256_of(inner).str(), inner));
  const std::string outer = registry::index_of(
      {registry::descriptor(registry::media_type::kOciIndex, sha256_of(inner), inner.size())});
  ASSERT_TRUE(registry_->put("a", "multi", outer));
  const std::string signature =
      push_image("a", {}, "signature",
                 R"(,"subject":)" + registry::descriptor(registry::media_type::kOciIndex,
                                                         sha256_of(outer), outer.size()));
  options_.delete_untagged = true;
  ASSERT_TRUE(collect());
  for (const char* layer : {"x86", "arm", "signature"}) EXPECT_TRUE(has(layer)) << layer;
  EXPECT_TRUE(registry_->get("a", signature));

  ASSERT_TRUE(registry_->remove("a", "multi"));
  const auto report = collect();
  ASSERT_TRUE(report);
  EXPECT_THAT(all("docker/registry/v2/"), IsEmpty());
}

TEST_F(CollectorTest, FollowsLinksToOtherDigests) {
  push_image("a", "v1", "layer");
  // As distribution links a blob that was asked for by its sha512.
  put(layout::layer_link(name_of("b"), sha512_of("layer")), sha256_of("layer").str());
  const std::string bytes =
      registry::image(blob_descriptor("layer", registry::Algorithm::sha512), {});
  ASSERT_TRUE(registry_->put("b", "v1", bytes));
  ASSERT_TRUE(registry_->remove("a", "v1"));
  options_.delete_untagged = true;
  ASSERT_TRUE(collect());
  EXPECT_TRUE(has("layer"));
}

TEST_F(CollectorTest, LeavesARepositoryAloneWhoseManifestIsLost) {
  const std::string digest = push_image("a", "v1", "layer");
  ASSERT_TRUE(registry_->push("a", "loose"));
  ASSERT_TRUE(registry_->push("b", "loose too"));
  Context context;
  ASSERT_TRUE(
      run_task(store_->remove(context, {layout::blob_data(*registry::Digest::parse(digest))})));
  const auto report = collect();
  ASSERT_TRUE(report);
  EXPECT_TRUE(has("layer"));
  EXPECT_TRUE(has("loose"));
  EXPECT_FALSE(has("loose too"));
  ASSERT_EQ(report->warnings.size(), 1u);
  EXPECT_THAT(report->warnings[0], HasSubstr(digest));
}

TEST_F(CollectorTest, DryRunSaysWhatWouldGoAndChangesNothing) {
  ASSERT_TRUE(registry_->push("a", "loose"));
  const auto before = all("");
  options_.dry_run = true;
  std::vector<std::string> named;
  hooks_.would_remove = [&](const Item& item) { named.push_back(item.object_key()); };
  const auto report = collect();
  ASSERT_TRUE(report);
  EXPECT_EQ(all(""), before);
  EXPECT_EQ(report->candidates, 2u);
  EXPECT_EQ(report->candidate_bytes, 5u);
  EXPECT_THAT(named, ::testing::ElementsAre(layout::layer_link(name_of("a"), sha256_of("loose")),
                                            layout::blob_data(sha256_of("loose"))));
}

TEST_F(CollectorTest, RefusesAStoreToWhichDistributionWrites) {
  put(layout::upload_prefix(name_of("a"), "11111111-2222-4333-8444-555555555555") + "startedat",
      "2026-01-01T00:00:00Z");
  ASSERT_TRUE(registry_->push("a", "loose"));
  EXPECT_EQ(collect().error().code, Code::unsupported);
  EXPECT_TRUE(has("loose"));
  EXPECT_THAT(all("docker/registry/bunker/"), IsEmpty());
  options_.force = true;
  EXPECT_TRUE(collect());
  EXPECT_FALSE(has("loose"));
}

TEST_F(CollectorTest, KeepsWhatAPushReliesOnDuringTheGrace) {
  ASSERT_TRUE(registry_->push("a", "mounted"));
  ASSERT_TRUE(registry_->push("a", "loose"));
  bool pushed = false;
  std::optional<SteadyTime> grace;
  hooks_.progress = [&](const Progress& progress) {
    if (progress.phase != Phase::grace) return;
    const SteadyTime now = world_.now();
    if (!grace) grace = now;
    if (pushed || now - *grace < 6s) return;  // until the registry looks again
    pushed = true;
    EXPECT_TRUE(*registry_->mount("b", sha256_of("mounted"), "a"));
  };
  const auto report = collect();
  ASSERT_TRUE(report);
  EXPECT_TRUE(pushed);
  EXPECT_TRUE(has("mounted"));
  EXPECT_TRUE(registry_->stat("b", sha256_of("mounted")));
  EXPECT_FALSE(has("loose"));
  EXPECT_EQ(registry_->registry.guard().rescues(), 1u);
}

TEST_F(CollectorTest, OfflineTakesWhatWasWrittenThisVeryMoment) {
  hooks_.progress = [&, once = false](const Progress&) mutable {
    if (!std::exchange(once, true)) EXPECT_TRUE(registry_->push("a", "loose"));
  };
  options_.offline = true;
  options_.grace = 0s;
  ASSERT_TRUE(collect());
  EXPECT_FALSE(has("loose"));
}

TEST_F(CollectorTest, OneAtATime) {
  ASSERT_TRUE(registry_->push("a", "loose"));
  std::optional<Result<Progress>> second;
  hooks_.progress = [&](const Progress& progress) {
    if (progress.phase != Phase::grace || second) return;
    second.emplace(fail(Code::internal, "not run"));
    Collector other({*store_, world_, world_.clock()}, options_, {});
    Context context;
    second = run_task(other.run(context));
  };
  EXPECT_TRUE(collect());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->error().code, Code::conflict);
  EXPECT_FALSE(has("loose"));
}

TEST_F(CollectorTest, CancelledLeavesNothingBehind) {
  ASSERT_TRUE(registry_->push("a", "loose"));
  Collector* running = nullptr;
  hooks_.progress = [&](const Progress& progress) {
    if (progress.phase == Phase::grace) running->cancel();
  };
  Collector collector({*store_, world_, world_.clock()}, options_, hooks_);
  running = &collector;
  EXPECT_EQ(run(collector).error().code, Code::cancelled);
  EXPECT_EQ(collector.progress().phase, Phase::cancelled);
  EXPECT_TRUE(has("loose"));
  EXPECT_THAT(all("docker/registry/bunker/"), IsEmpty());
}

TEST_F(CollectorTest, FinishesWhatOneThatDiedBegan) {
  ASSERT_TRUE(registry_->push("a", "loose"));
  ASSERT_TRUE(registry_->push("a", "rescued"));
  put(keys::candidates_key("20250101T000000Z-dead", ""),
      sha256_of("loose").str() + '\n' + sha256_of("rescued").str() + '\n');
  put(keys::open_key("20250101T000000Z-dead"), keys::print_open(0));
  put(keys::beat_key("20250101T000000Z-dead"), "");
  EXPECT_EQ(collect().error().code, Code::conflict);  // it beat just now
  pass(2min);
  EXPECT_TRUE(*registry_->mount("b", sha256_of("rescued"), "a"));
  const auto report = collect();
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_TRUE(report->resumed);
  EXPECT_FALSE(has("loose"));
  EXPECT_TRUE(has("rescued"));
  EXPECT_THAT(all("docker/registry/bunker/"), IsEmpty());
}

// Notes how many keys each large deletion takes, and takes its time for each key.
struct BatchStore final : registry::StoreDecorator {
  using StoreDecorator::StoreDecorator;
  Task<Result<void>> remove(Context& context, std::vector<storage::ObjectKey> keys) override {
    if (keys.size() >= 1000) batches.push_back(keys.size());
    co_await world->sleep(each * keys.size());
    co_return co_await inner().remove(context, std::move(keys));
  }
  sim::World* world = nullptr;
  std::chrono::nanoseconds each{0};
  std::vector<std::size_t> batches;
};

struct CollectorRounds : CollectorTest {
  // The sizes of the rounds in which `count` blobs go from a store that takes `each` for one.
  std::vector<std::size_t> rounds(std::size_t count, std::chrono::nanoseconds each) {
    for (auto i = count; i-- > 0;) put(layout::blob_data(sha256_of(std::to_string(i))), "blob");
    BatchStore store(*store_);
    store.world = &world_;
    store.each = each;
    Collector collector({store, world_, world_.clock()}, options_, {});
    EXPECT_EQ(run(collector)->deleted_blobs, count);
    EXPECT_THAT(all(""), IsEmpty());
    return store.batches;
  }
};

TEST_F(CollectorRounds, OfAFastStoreGrow) {
  EXPECT_THAT(rounds(20'000, 100us), ElementsAre(4000, 8000, 8000));
}

TEST_F(CollectorRounds, OfASlowStoreShrink) {
  EXPECT_THAT(rounds(8'000, 5ms), ElementsAre(4000, 2000, 2000));
}

TEST_F(CollectorTest, ATooShortGraceIsRefused) {
  options_.grace = options_.bounds.link_within;
  EXPECT_EQ(collect().error().code, Code::invalid);
  options_.grace = 20s;
  options_.bounds.known_for = 1h;
  EXPECT_EQ(collect().error().code, Code::invalid);
  options_.minimum_age = 1h;
  EXPECT_TRUE(collect());
}

}  // namespace
}  // namespace bunker::collect
