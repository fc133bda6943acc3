#include "registryd/core/errors.h"
#include "registryd/core/layout.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

class Deletion : public RegistryTest {
 protected:
  Deletion() { EXPECT_TRUE(registry_->push(kName, "{}")); }

  std::string push(const std::string& tag, const std::string& note = "1",
                   const std::string& name = "library/alpine") {
    const std::string bytes =
        image(blob_descriptor("{}"), {}, ",\"annotations\":{\"note\":\"" + note + "\"}");
    EXPECT_TRUE(registry_->put(name, tag, bytes));
    return sha256_of(bytes).str();
  }

  // Points the tag v1 at `bytes`, after others could go on `turns` times.
  Task<Result<void>> move_after(std::size_t turns, std::string bytes) {
    for (std::size_t i = 0; i < turns; ++i) co_await sleep_for(std::chrono::nanoseconds(0));
    BUNKER_CO_TRY(co_await registry_->registry.put_manifest(
        registry_->context, name_of(kName), *parse_reference("v1"), {}, std::move(bytes), {}));
    co_return Result<void>();
  }

  const std::string kName = "library/alpine";
};
INSTANTIATE_TEST_SUITE_P(Store, Deletion, ::testing::Bool());

using Names = std::vector<std::string>;

TEST_P(Deletion, OfATagLeavesTheManifest) {
  const std::string digest = push("v1");
  push("v10");
  ASSERT_TRUE(registry_->remove(kName, "v1"));
  EXPECT_EQ(registry_->get(kName, "v1").error().reason, reason::kManifestUnknown);
  EXPECT_EQ(registry_->tags(kName)->names, Names{"v10"});
  EXPECT_TRUE(registry_->get(kName, digest));
  EXPECT_TRUE(keys(layout::tag_prefix(name_of(kName), tag_of("v1"))).empty());
}

// Fails the removal that takes `current`, as a crash before it would.
class KeepsCurrent final : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  Task<Result<void>> remove(Context& context, std::vector<storage::ObjectKey> keys) override {
    for (const storage::ObjectKey& key : keys) {
      if (key.ends_with("/current/link")) co_return fail(Code::internal, "broken off");
    }
    co_return co_await StoreDecorator::remove(context, std::move(keys));
  }
};

TEST_P(Deletion, ThatBreaksOffLeavesTheTagWhole) {
  const std::string digest = push("v1");
  KeepsCurrent broken(store_);
  SyncRegistry replica(broken, clock_, default_options());
  EXPECT_FALSE(replica.remove(kName, "v1"));
  EXPECT_TRUE(
      keys("docker/registry/v2/repositories/library/alpine/_manifests/tags/v1/index").empty());
  EXPECT_EQ(registry_->get(kName, "v1")->digest.str(), digest);
  ASSERT_TRUE(registry_->remove(kName, "v1"));
  EXPECT_EQ(registry_->tags(kName)->names, Names{});
}

TEST_P(Deletion, OfAManifestTakesItsTags) {
  const std::string digest = push("v1");
  push("also");
  push("moved");
  const std::string other = push("moved", "2");
  ASSERT_TRUE(registry_->remove(kName, digest));
  EXPECT_EQ(registry_->get(kName, digest).error().code, Code::not_found);
  EXPECT_EQ(registry_->get(kName, "v1").error().reason, reason::kManifestUnknown);
  EXPECT_EQ(registry_->tags(kName)->names, Names{"moved"});
  EXPECT_EQ(registry_->get(kName, "moved")->digest.str(), other);
  EXPECT_EQ(registry_->get(kName, other)->digest.str(), other);
}

TEST_P(Deletion, OfTheLastTagLeavesAnEmptyList) {
  push("v1");
  ASSERT_TRUE(registry_->remove(kName, "v1"));
  EXPECT_EQ(registry_->tags(kName)->names, Names{});
}

TEST_P(Deletion, OfWhatIsNotThere) {
  EXPECT_EQ(registry_->remove(kName, "v1").error().reason, reason::kManifestUnknown);
  EXPECT_EQ(registry_->remove(kName, sha256_of("x").str()).error().reason,
            reason::kManifestUnknown);
  EXPECT_EQ(registry_->remove_blob(kName, sha256_of("x")).error().reason, reason::kBlobUnknown);
  const std::string digest = push("v1");
  EXPECT_EQ(registry_->remove("other", digest).error().code, Code::not_found);
  ASSERT_TRUE(registry_->remove(kName, digest));
  EXPECT_EQ(registry_->remove(kName, digest).error().code, Code::not_found);
}

TEST_P(Deletion, OfABlobIsFromOneRepository) {
  ASSERT_TRUE(registry_->push("other", "{}"));
  ASSERT_TRUE(registry_->remove_blob(kName, sha256_of("{}")));
  EXPECT_FALSE(registry_->stat(kName, sha256_of("{}")));
  EXPECT_TRUE(registry_->stat("other", sha256_of("{}")));
  ASSERT_TRUE(registry_->push(kName, "{}"));
  EXPECT_TRUE(registry_->stat(kName, sha256_of("{}")));
}

TEST_P(Deletion, IsRefusedUnlessEnabled) {
  const std::string digest = push("v1");
  const auto strict = replica(Registry::Options());
  for (const std::string& reference : {std::string("v1"), digest}) {
    const auto removed = strict->remove(kName, reference);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, Code::unsupported);
    EXPECT_EQ(removed.error().reason, reason::kUnsupported);
  }
  EXPECT_EQ(strict->remove_blob(kName, sha256_of("{}")).error().code, Code::unsupported);
  EXPECT_TRUE(strict->get(kName, "v1"));
}

TEST_P(Deletion, SweepsUpWhatAnUnfinishedOneLeft) {
  const std::string digest = push("v1");
  remove_object(layout::tag_current(name_of(kName), tag_of("v1")));
  EXPECT_EQ(registry_->remove(kName, "v1").error().code, Code::not_found);
  EXPECT_EQ(registry_->tags(kName)->names, Names{});
}

TEST_P(Deletion, OfAManifestWhoseBytesAreLost) {
  const std::string digest = push("v1");
  remove_object(layout::blob_data(*Digest::parse(digest)));
  EXPECT_TRUE(replica()->remove(kName, digest));
  EXPECT_EQ(registry_->tags(kName)->names, Names{});
}

TEST_P(Deletion, LooksAtTagsInParallelWithinBounds) {
  const std::string digest = push("v1");
  for (int i = 0; i < 300; ++i) push("t" + std::to_string(i), i < 12 ? "1" : "2");
  auto options = default_options();
  options.tag_concurrency = 4;
  store_.most_at_once = 0;
  ASSERT_TRUE(replica(options)->remove(kName, digest));
  EXPECT_EQ(registry_->tags(kName)->names.size(), 288U);
  EXPECT_EQ(store_.most_at_once, GetParam() ? 4U : 1U);
}

// Moves a tag right after somebody has listed its keys.
class MovingStore final : public StoreDecorator {
 public:
  MovingStore(storage::ObjectStore& inner, storage::ObjectKey link, std::string digest)
      : StoreDecorator(inner), link_(std::move(link)), digest_(std::move(digest)) {}

  Task<Result<storage::ListPage>> list(Context& context, std::string prefix,
                                       storage::ListOptions options) override {
    const bool of_tag = prefix.ends_with("/tags/v1/");
    auto page = co_await StoreDecorator::list(context, std::move(prefix), std::move(options));
    if (of_tag) EXPECT_TRUE(co_await put(context, link_, digest_));
    co_return page;
  }

 private:
  const storage::ObjectKey link_;
  const std::string digest_;
};

TEST_P(Deletion, OfAManifestKeepsATagThatIsPushedMeanwhile) {
  const std::string other = push("v1", "2"), digest = push("v1");
  MovingStore moving(*memory_, layout::tag_current(name_of(kName), tag_of("v1")), other);
  moving.set_remote(GetParam());
  SyncRegistry busy(moving, clock_, default_options());
  ASSERT_TRUE(busy.remove(kName, digest));
  EXPECT_EQ(registry_->get(kName, "v1")->digest.str(), other);
  EXPECT_FALSE(registry_->get(kName, digest));
}

// Two requests at one registry at once, each store call of which lets the other go on.
TEST_P(Deletion, OfAManifestNeverTakesATagThatIsPushedAtTheSameTime) {
  const std::string moved = image(blob_descriptor("{}"), {}, R"(,"annotations":{"note":"2"})");
  for (std::size_t lead = 0; lead < 24; ++lead) {
    const std::string digest = push("v1");
    std::vector<Task<Result<void>>> both;
    both.push_back(registry_->registry.delete_manifest(registry_->context, name_of(kName),
                                                       *parse_reference(digest)));
    both.push_back(move_after(lead, moved));
    for (const auto& result : run_task(when_all(std::move(both)))) EXPECT_TRUE(result);
    const auto now = registry_->get(kName, "v1");
    ASSERT_TRUE(now) << "the push began " << lead << " calls after the deletion";
    EXPECT_EQ(now->digest, sha256_of(moved));
  }
}

TEST_P(Deletion, IsDeniedToImmutableTags) {
  auto options = default_options();
  options.is_immutable = [this](const RepositoryName& name, const Tag& tag) {
    return name.str() == kName && tag.str().starts_with("v");
  };
  const auto strict = replica(options);
  const std::string digest = push("v1"), other = push("latest", "2");
  push("also");
  for (const std::string& reference : {std::string("v1"), digest}) {
    const auto removed = strict->remove(kName, reference);
    ASSERT_FALSE(removed) << reference;
    EXPECT_EQ(removed.error().reason, reason::kDenied);
    EXPECT_NE(removed.error().message.find("v1 of library/alpine is immutable"), std::string::npos);
  }
  EXPECT_EQ(registry_->tags(kName)->names, (Names{"also", "latest", "v1"}));
  EXPECT_EQ(strict->remove(kName, "v2").error().reason, reason::kManifestUnknown);
  EXPECT_TRUE(strict->remove(kName, "also"));
  EXPECT_TRUE(strict->remove(kName, other));
}

// Wherever the deletion breaks off, what can be listed can be pulled, and it can be repeated.
TEST_P(Deletion, NoCrashLeavesATagWithoutItsManifest) {
  for (std::size_t writes = 0;; ++writes) {
    const std::string name = "crash/n" + std::to_string(writes);
    ASSERT_TRUE(registry_->push(name, "{}"));
    const std::string digest = push("a", "1", name);
    push("b", "1", name);
    DyingStore dying(*memory_, writes);
    dying.set_remote(GetParam());
    SyncRegistry victim(dying, clock_, default_options());
    const auto removed = victim.remove(name, digest);
    EXPECT_EQ(removed.has_value(), !dying.died());
    if (const auto page = registry_->tags(name)) {
      for (const std::string& tag : page->names) {
        EXPECT_TRUE(replica()->get(name, tag)) << tag << " after " << writes << " writes";
      }
    }
    if (!dying.died()) break;
    const auto again = registry_->remove(name, digest);
    EXPECT_TRUE(again || again.error().code == Code::not_found);
    EXPECT_FALSE(registry_->get(name, digest));
    if (const auto page = registry_->tags(name)) EXPECT_TRUE(page->names.empty());
  }
}

}  // namespace
}  // namespace bunker::registry
