#include "lib/base/encoding.h"
#include "lib/base/random.h"
#include "registryd/core/layout.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

using std::chrono::hours;

class Purge : public RegistryTest {};
INSTANTIATE_TEST_SUITE_P(Store, Purge, ::testing::Bool());

TEST_P(Purge, RemovesOldUploadsOfEveryRepository) {
  ASSERT_TRUE(registry_->push("a", "blob"));
  const auto before = keys();
  for (const std::string& name : {"a", "a/b", "c/d/e-f"}) {
    ASSERT_TRUE(registry_->append(*registry_->start(name), "bytes"));
  }
  clock_.advance(hours(24));
  const auto young = registry_->purge(hours(48));
  ASSERT_TRUE(young) << young.error().message;
  EXPECT_EQ(young->removed, 0U);
  EXPECT_EQ(young->kept, 3U);

  const auto with = keys();
  const auto dry = registry_->purge(hours(12), true);
  EXPECT_EQ(dry->removed, 3U);
  EXPECT_EQ(keys(), with);

  const auto old = registry_->purge(hours(12));
  EXPECT_EQ(old->removed, 3U);
  EXPECT_EQ(keys(), before);
}

TEST_P(Purge, AnUploadThatWasPurgedIsUnknown) {
  const auto upload = registry_->append(*registry_->start("a"), "bytes");
  clock_.advance(hours(2));
  ASSERT_TRUE(registry_->purge(hours(1)));
  EXPECT_FALSE(registry_->status(*upload));
}

TEST_P(Purge, RemovesWhatDistributionLeft) {
  const std::string folder = layout::upload_prefix(name_of("a/b"), random_uuid());
  put_object(folder + "startedat", format_rfc3339(clock_.now()));
  put_object(folder + "data", "bytes");
  put_object(folder + "hashstates/sha256/0", "state");
  clock_.advance(hours(2));
  EXPECT_EQ(registry_->purge(hours(1))->removed, 1U);
  EXPECT_TRUE(keys().empty());
}

TEST_P(Purge, LeavesForeignKeysAlone) {
  const std::string root(layout::kRepositories);
  const std::string uuid = random_uuid();
  for (const std::string& key : {root + "_uploads/" + uuid + "/data", root + "a/_uploads/file",
                                 root + "a/_uploads/not-a-uuid/data", root + "a/" + uuid,
                                 root + "Upper/_uploads/" + uuid + "/data", root + "x"}) {
    put_object(key, "x");
  }
  const auto before = keys();
  clock_.advance(hours(2));
  const auto report = registry_->purge(hours(1));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->removed, 0U);
  EXPECT_EQ(keys(), before);
}

}  // namespace
}  // namespace bunker::registry
