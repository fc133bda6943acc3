#include <nlohmann/json.hpp>

#include "registryd/core/layout.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

using nlohmann::json;

class Referrers : public RegistryTest {
 protected:
  Referrers() { EXPECT_TRUE(registry_->push(kName, "{}")); }

  json list(const Digest& subject, std::string artifact_type = {}) {
    const auto index = registry_->referrers(kName, subject, std::move(artifact_type));
    EXPECT_TRUE(index) << index.error().message;
    return json::parse(*index);
  }
  std::vector<std::string> digests(const Digest& subject, std::string artifact_type = {}) {
    std::vector<std::string> out;
    for (const json& entry : list(subject, std::move(artifact_type))["manifests"]) {
      out.push_back(entry["digest"]);
    }
    return out;
  }
  static std::string artifact(const Digest& subject, const std::string& type,
                              const std::string& note) {
    return image(blob_descriptor("{}"), {},
                 ",\"artifactType\":\"" + type +
                     "\",\"subject\":" + descriptor(media_type::kOciImage, subject, 7) +
                     ",\"annotations\":{\"note\":\"" + note + "\"}");
  }
  std::string push(const std::string& bytes) {
    const auto pushed = registry_->put(kName, sha256_of(bytes).str(), bytes);
    EXPECT_TRUE(pushed) << pushed.error().detail;
    EXPECT_TRUE(pushed->subject);
    return sha256_of(bytes).str();
  }

  const std::string kName = "library/alpine";
  const Digest kSubject = sha256_of("subject");
};
INSTANTIATE_TEST_SUITE_P(Store, Referrers, ::testing::Bool());

TEST_P(Referrers, OfNothingIsAnEmptyIndex) {
  const json index = list(kSubject);
  EXPECT_EQ(index["schemaVersion"], 2);
  EXPECT_EQ(index["mediaType"], media_type::kOciIndex);
  EXPECT_TRUE(index["manifests"].is_array());
  EXPECT_TRUE(index["manifests"].empty());
}

TEST_P(Referrers, DescribeThemselves) {
  const std::string bytes = artifact(kSubject, "application/x.signature", "one");
  push(bytes);
  const json index = list(kSubject);
  ASSERT_EQ(index["manifests"].size(), 1U);
  const json& entry = index["manifests"][0];
  EXPECT_EQ(entry["mediaType"], media_type::kOciImage);
  EXPECT_EQ(entry["digest"], sha256_of(bytes).str());
  EXPECT_EQ(entry["size"], bytes.size());
  EXPECT_EQ(entry["artifactType"], "application/x.signature");
  EXPECT_EQ(entry["annotations"]["note"], "one");
}

TEST_P(Referrers, TypeIsThatOfTheConfigWhereThereIsNone) {
  const std::string bytes =
      image(blob_descriptor("{}"), {}, ",\"subject\":" + blob_descriptor("subject"));
  push(bytes);
  const json entry = list(kSubject)["manifests"][0];
  EXPECT_EQ(entry["artifactType"], "application/octet-stream");
  EXPECT_FALSE(entry.contains("annotations"));
}

TEST_P(Referrers, IndexesReferToo) {
  const std::string bytes = index_of({}, ",\"subject\":" + blob_descriptor("subject"));
  push(bytes);
  const json entry = list(kSubject)["manifests"][0];
  EXPECT_EQ(entry["mediaType"], media_type::kOciIndex);
  EXPECT_FALSE(entry.contains("artifactType"));
}

TEST_P(Referrers, FilteredByType) {
  const std::string a = push(artifact(kSubject, "application/a", "1"));
  const std::string b = push(artifact(kSubject, "application/b", "2"));
  std::vector<std::string> both{a, b};
  std::ranges::sort(both);
  EXPECT_EQ(digests(kSubject), both);
  EXPECT_EQ(digests(kSubject, "application/a"), std::vector<std::string>{a});
  EXPECT_TRUE(digests(kSubject, "application/c").empty());
}

TEST_P(Referrers, OfOneRepositoryAndSubjectAlone) {
  push(artifact(kSubject, "application/a", "1"));
  EXPECT_TRUE(digests(sha256_of("another")).empty());
  EXPECT_TRUE(digests(sha512_of("subject")).empty());
  EXPECT_EQ(json::parse(*registry_->referrers("other", kSubject))["manifests"].size(), 0U);
}

TEST_P(Referrers, SubjectMayBeSha512) {
  const Digest subject = sha512_of("subject");
  const std::string bytes = artifact(subject, "application/a", "1");
  ASSERT_TRUE(registry_->put(kName, sha512_of(bytes).str(), bytes));
  EXPECT_EQ(digests(subject), std::vector<std::string>{sha512_of(bytes).str()});
}

TEST_P(Referrers, DeletedOnesAreGone) {
  const std::string digest = push(artifact(kSubject, "application/a", "1"));
  ASSERT_TRUE(registry_->remove(kName, digest));
  EXPECT_TRUE(digests(kSubject).empty());
  EXPECT_TRUE(keys(layout::referrers_prefix(name_of(kName), kSubject)).empty());
}

TEST_P(Referrers, LinkOfAManifestThatDistributionDeletedIsSkipped) {
  const std::string bytes = artifact(kSubject, "application/a", "1");
  push(bytes);
  remove_object(layout::revision_link(name_of(kName), sha256_of(bytes)));
  EXPECT_TRUE(digests(kSubject).empty());
}

// What clients left on a registry without the referrers API.
TEST_P(Referrers, TakesUpTheFallbackTag) {
  const std::string signature = artifact(kSubject, "application/a", "1");
  const std::string stranger = artifact(sha256_of("another"), "application/a", "2");
  const Digest digest = sha256_of(signature);
  push(signature);
  push(stranger);
  remove_object(layout::referrer_link(name_of(kName), kSubject, digest));
  EXPECT_TRUE(digests(kSubject).empty());
  auto options = default_options();
  options.references.required = false;
  const std::string fallback =
      index_of({descriptor(media_type::kOciImage, digest, signature.size()),
                descriptor(media_type::kOciImage, sha256_of(stranger), 1),
                descriptor(media_type::kOciImage, sha256_of("lost"), 1)});
  ASSERT_TRUE(replica(options)->put(kName, "sha256-" + std::string(kSubject.hex()), fallback));
  EXPECT_EQ(digests(kSubject), std::vector<std::string>{digest.str()});
  push(signature);  // now in both lists
  EXPECT_EQ(digests(kSubject), std::vector<std::string>{digest.str()});
}

TEST_P(Referrers, ManyInOneOrder) {
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back(push(artifact(kSubject, "application/a", std::to_string(i))));
  }
  std::ranges::sort(expected);
  EXPECT_EQ(digests(kSubject), expected);
}

}  // namespace
}  // namespace bunker::registry
