#include "registryd/collect/scrub.h"

#include <gmock/gmock.h>

#include "lib/runtime/blocking_pool.h"
#include "registryd/core/layout.h"
#include "registryd/storage/filesystem/filesystem_store.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::collect {
namespace {

namespace layout = registry::layout;
using registry::blob_descriptor;
using registry::Digest;
using registry::name_of;
using registry::sha256_of;
using registry::SyncRegistry;
using registry::tag_of;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// On a folder and in memory.
class Scrub : public ::testing::TestWithParam<bool> {
 protected:
  Scrub() {
    if (GetParam()) {
      storage::FilesystemOptions options;
      options.root = folder_.path();
      options.pool = &pool_;
      store_ = *storage::open_filesystem_store(options);
    } else {
      store_ = storage::make_memory_store();
    }
    registry::Registry::Options options;
    options.delete_enabled = true;
    registry_ = std::make_unique<SyncRegistry>(*store_, clock_, options);
    EXPECT_TRUE(registry_->push("a", "{}"));
    EXPECT_TRUE(registry_->push("a", "layer"));
    image_ = registry::image(blob_descriptor("{}"), {blob_descriptor("layer")});
    EXPECT_TRUE(registry_->put("a", "v1", image_));
  }

  ScrubReport scrub(bool repair = false) {
    damage_.clear();
    ScrubHooks hooks;
    hooks.progress = [](const ScrubReport&) {};
    hooks.damage = [this](const Damage& damage) { damage_.push_back(damage); };
    ScrubOptions options;
    options.repair = repair;
    Context context;
    return *run_task(collect::scrub(context, *store_, options, hooks));
  }
  std::vector<Fault> faults() const {
    std::vector<Fault> out;
    for (const Damage& damage : damage_) out.push_back(damage.fault);
    return out;
  }
  void put(std::string key, std::string bytes) {
    Context context;
    ASSERT_TRUE(run_task(store_->put(context, std::move(key), std::move(bytes))));
  }
  void remove(std::string key) {
    Context context;
    ASSERT_TRUE(run_task(store_->remove(context, {std::move(key)})));
  }
  Result<std::string> read(std::string key) {
    Context context;
    return run_task(store_->read(context, std::move(key), 1 << 20));
  }

  SystemClock clock_;
  TempFolder folder_;
  BlockingPool pool_{2};
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<SyncRegistry> registry_;
  std::string image_;
  std::vector<Damage> damage_;
};
INSTANTIATE_TEST_SUITE_P(Store, Scrub, ::testing::Bool());

TEST_P(Scrub, AWholeStoreHasNoDamage) {
  const ScrubReport report = scrub(true);
  EXPECT_THAT(damage_, IsEmpty());
  EXPECT_EQ(report.blobs, 3u);
  EXPECT_EQ(report.repositories, 1u);
  EXPECT_EQ(report.manifests, 1u);
  EXPECT_EQ(report.unrepaired(), 0u);
}

TEST_P(Scrub, PutsDamagedBytesAsideAndKeepsThem) {
  const auto key = layout::blob_data(sha256_of("layer"));
  put(key, "rotten");
  EXPECT_EQ(scrub().unrepaired(), 3u);
  EXPECT_THAT(faults(), UnorderedElementsAre(Fault::damaged_data, Fault::dangling_layer,
                                             Fault::incomplete_image));
  EXPECT_EQ(*read(key), "rotten");  // nothing changes without repair

  EXPECT_EQ(scrub(true).unrepaired(), 1u);  // only a push brings the layer back
  EXPECT_FALSE(read(key));
  EXPECT_EQ(*read(std::string(kQuarantine) + "sha256/" + std::string(sha256_of("layer").hex())),
            "rotten");
  EXPECT_FALSE(registry_->stat("a", sha256_of("layer")));
  ASSERT_TRUE(registry_->push("a", "layer"));
  EXPECT_EQ(scrub().unrepaired(), 0u);
  EXPECT_TRUE(registry_->get("a", "v1"));
}

TEST_P(Scrub, RemovesLinksThatLeadNowhere) {
  put(layout::layer_link(name_of("a"), sha256_of("gone")), sha256_of("gone").str());
  put(layout::layer_link(name_of("a"), sha256_of("odd")), "no digest");
  put(layout::revision_link(name_of("a"), sha256_of("lost")), sha256_of("lost").str());
  put(layout::tag_current(name_of("a"), tag_of("v2")), sha256_of("lost").str());
  put(layout::tag_index(name_of("a"), tag_of("v2"), sha256_of("lost")), sha256_of("lost").str());
  put(layout::referrer_link(name_of("a"), sha256_of("s"), sha256_of("r")), sha256_of("r").str());
  EXPECT_EQ(scrub(true).unrepaired(), 0u);
  EXPECT_THAT(faults(), UnorderedElementsAre(Fault::dangling_layer, Fault::damaged_link,
                                             Fault::dangling_revision, Fault::dangling_tag,
                                             Fault::stale_entry, Fault::stale_entry));
  scrub();
  EXPECT_THAT(damage_, IsEmpty());
  EXPECT_THAT(registry_->tags("a")->names, UnorderedElementsAre("v1"));
  EXPECT_TRUE(registry_->get("a", "v1"));
}

TEST_P(Scrub, CompletesIndexes) {
  const std::string signature =
      registry::image(blob_descriptor("{}"), {},
                      R"(,"subject":)" + registry::descriptor(registry::media_type::kOciImage,
                                                              sha256_of(image_), image_.size()));
  ASSERT_TRUE(registry_->put("a", sha256_of(signature).str(), signature));
  remove(layout::referrer_link(name_of("a"), sha256_of(image_), sha256_of(signature)));
  remove(layout::tag_index(name_of("a"), tag_of("v1"), sha256_of(image_)));
  EXPECT_EQ(scrub(true).unrepaired(), 0u);
  EXPECT_THAT(faults(), UnorderedElementsAre(Fault::missing_entry, Fault::missing_entry));
  EXPECT_THAT(*registry_->referrers("a", sha256_of(image_)),
              ::testing::HasSubstr(sha256_of(signature).str()));
  scrub();
  EXPECT_THAT(damage_, IsEmpty());
}

TEST_P(Scrub, NamesWhatIsForeignAndCountsUploads) {
  put("docker/registry/v2/repositories/a/_layers/readme", "x");
  put(layout::upload_prefix(name_of("a"), "11111111-2222-4333-8444-555555555555") + "startedat",
      "2026-01-01T00:00:00Z");
  const ScrubReport report = scrub(true);
  EXPECT_THAT(faults(), UnorderedElementsAre(Fault::foreign_key));
  EXPECT_EQ(report.unfinished_uploads, 1u);
  EXPECT_EQ(report.unrepaired(), 0u);
  EXPECT_TRUE(read("docker/registry/v2/repositories/a/_layers/readme"));
}

}  // namespace
}  // namespace bunker::collect
