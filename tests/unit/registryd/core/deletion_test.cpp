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
  for (int i = 0; i < 300; ++i) push("t" + std::to_string(i), "2");
  auto options = default_options();
  options.tag_concurrency = 4;
  store_.most_at_once = 0;
  ASSERT_TRUE(replica(options)->remove(kName, digest));
  EXPECT_EQ(registry_->tags(kName)->names.size(), 300U);
  EXPECT_EQ(store_.most_at_once, GetParam() ? 4U : 1U);
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
