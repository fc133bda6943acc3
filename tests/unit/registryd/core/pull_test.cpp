#include "registryd/core/errors.h"
#include "registryd/core/layout.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

class Pull : public RegistryTest {};
INSTANTIATE_TEST_SUITE_P(Store, Pull, ::testing::Bool());

const std::string kName = "library/alpine";

TEST_P(Pull, GivesBackTheVeryBytes) {
  ASSERT_TRUE(registry_->push(kName, "{}"));
  ASSERT_TRUE(registry_->push(kName, "layer"));
  const std::string bytes =
      image(blob_descriptor("{}"), {blob_descriptor("layer")}, " , \"x\" : [ 1 ] ") + " \n";
  const auto pushed = registry_->put(kName, "latest", bytes);
  ASSERT_TRUE(pushed) << pushed.error().message;
  for (const std::string& reference : {std::string("latest"), sha256_of(bytes).str()}) {
    const auto manifest = registry_->get(kName, reference);
    ASSERT_TRUE(manifest) << manifest.error().message;
    EXPECT_EQ(*manifest->bytes, bytes);
    EXPECT_EQ(manifest->digest, sha256_of(bytes));
    EXPECT_EQ(manifest->media_type, media_type::kOciImage);
    // And from the store, on a replica that never saw the push.
    const auto cold = replica()->get(kName, reference);
    ASSERT_TRUE(cold) << cold.error().message;
    EXPECT_EQ(*cold->bytes, bytes);
    EXPECT_EQ(cold->media_type, media_type::kOciImage);
  }
}

TEST_P(Pull, UnknownManifestIsManifestUnknownEverywhere) {
  for (const std::string& reference :
       {std::string("latest"), sha256_of("x").str(), sha512_of("x").str()}) {
    const auto manifest = registry_->get(kName, reference);
    ASSERT_FALSE(manifest);
    EXPECT_EQ(manifest.error().code, Code::not_found);
    EXPECT_EQ(manifest.error().reason, reason::kManifestUnknown);
    EXPECT_NE(manifest.error().detail.find(reference), std::string::npos);
  }
}

TEST_P(Pull, AFallbackTagIsNoDigest) {
  ASSERT_TRUE(registry_->push(kName, "{}"));
  const std::string bytes = image(blob_descriptor("{}"), {});
  ASSERT_TRUE(registry_->put(kName, "latest", bytes));
  const auto manifest = registry_->get(kName, "sha256-" + std::string(sha256_of(bytes).hex()));
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().reason, reason::kManifestUnknown);
}

TEST_P(Pull, ManifestOfAnotherRepositoryIsUnknownEvenWhenCached) {
  ASSERT_TRUE(registry_->push(kName, "{}"));
  const std::string bytes = image(blob_descriptor("{}"), {});
  ASSERT_TRUE(registry_->put(kName, "latest", bytes));
  ASSERT_TRUE(registry_->get(kName, "latest"));
  EXPECT_FALSE(registry_->get("other", sha256_of(bytes).str()));
}

TEST_P(Pull, SeesATagThatAnotherReplicaMoved) {
  ASSERT_TRUE(registry_->push(kName, "{}"));
  const std::string first = image(blob_descriptor("{}"), {});
  const std::string second = image(blob_descriptor("{}"), {}, ",\"annotations\":{\"a\":\"b\"}");
  ASSERT_TRUE(registry_->put(kName, "latest", first));
  ASSERT_TRUE(registry_->get(kName, "latest"));
  ASSERT_TRUE(replica()->put(kName, "latest", second));
  EXPECT_EQ(registry_->get(kName, "latest")->digest, sha256_of(second));
}

TEST_P(Pull, NeverServesDamagedBytes) {
  const std::string bytes = image(blob_descriptor("{}"), {});
  const Digest digest = sha256_of(bytes);
  put_object(layout::revision_link(name_of(kName), digest), digest.str());
  put_object(layout::blob_data(digest), bytes + " ");
  for (int i = 0; i < 2; ++i) {
    const auto manifest = registry_->get(kName, digest.str());
    ASSERT_FALSE(manifest);
    EXPECT_EQ(manifest.error().code, Code::data_loss);
  }
}

TEST_P(Pull, ServesWhatDistributionWrote) {
  // No mediaType in the document, a line end behind the digest in the links.
  const std::string index = R"({"schemaVersion":2,"manifests":[]})";
  const Digest digest = sha256_of(index);
  put_object(layout::blob_data(digest), index);
  put_object(layout::revision_link(name_of(kName), digest), digest.str() + "\n");
  put_object(layout::tag_current(name_of(kName), tag_of("v1")), digest.str() + "\n");
  const auto manifest = registry_->get(kName, "v1");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->media_type, media_type::kOciIndex);
}

TEST_P(Pull, LinkWithoutItsBytesIsUnknown) {
  const Digest digest = sha256_of("gone");
  put_object(layout::revision_link(name_of(kName), digest), digest.str());
  put_object(layout::layer_link(name_of(kName), digest), digest.str());
  EXPECT_EQ(registry_->get(kName, digest.str()).error().reason, reason::kManifestUnknown);
  EXPECT_EQ(registry_->stat(kName, digest).error().reason, reason::kBlobUnknown);
  EXPECT_EQ(registry_->blob(kName, digest).error().reason, reason::kBlobUnknown);
}

TEST_P(Pull, DamagedLinkIsUnknownAndMendedByThePush) {
  const Digest digest = sha256_of("layer");
  put_object(layout::layer_link(name_of(kName), digest), "");
  EXPECT_EQ(registry_->stat(kName, digest).error().reason, reason::kBlobUnknown);
  ASSERT_TRUE(registry_->push(kName, "layer"));
  EXPECT_TRUE(registry_->stat(kName, digest));
}

TEST_P(Pull, BlobsWholeAndInPart) {
  ASSERT_TRUE(registry_->push(kName, "0123456789"));
  const Digest digest = sha256_of("0123456789");
  const auto info = registry_->stat(kName, digest);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size, 10U);
  EXPECT_EQ(info->digest, digest);
  EXPECT_EQ(*registry_->blob(kName, digest), "0123456789");
  storage::ByteRange middle;
  middle.offset = 3;
  middle.length = 4;
  EXPECT_EQ(*registry_->blob(kName, digest, middle), "3456");
  storage::ByteRange tail;
  tail.suffix = 2;
  EXPECT_EQ(*registry_->blob(kName, digest, tail), "89");
  storage::ByteRange behind;
  behind.offset = 10;
  EXPECT_EQ(registry_->blob(kName, digest, behind).error().code, Code::out_of_range);
}

TEST_P(Pull, BlobOfAnotherRepositoryIsUnknown) {
  ASSERT_TRUE(registry_->push(kName, "secret"));
  const auto info = registry_->stat("other", sha256_of("secret"));
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, Code::not_found);
  EXPECT_EQ(info.error().reason, reason::kBlobUnknown);
  EXPECT_FALSE(registry_->blob("other", sha256_of("secret")));
}

// distribution keeps a blob that was pushed by sha512 under its sha256, and links to that.
TEST_P(Pull, FollowsALinkToAnotherDigest) {
  const Digest alias = sha512_of("content");
  put_object(layout::blob_data(sha256_of("content")), "content");
  put_object(layout::layer_link(name_of(kName), alias), sha256_of("content").str());
  const auto info = registry_->stat(kName, alias);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->digest, alias);
  EXPECT_EQ(*registry_->blob(kName, alias), "content");
  EXPECT_TRUE(*registry_->mount("other", alias, kName));
  EXPECT_EQ(*registry_->blob("other", alias), "content");
}

TEST_P(Pull, CostsFewCalls) {
  ASSERT_TRUE(registry_->push(kName, "{}"));
  const std::string bytes = image(blob_descriptor("{}"), {});
  ASSERT_TRUE(registry_->put(kName, "latest", bytes));
  using Calls = std::vector<std::string>;
  store_.calls.clear();
  ASSERT_TRUE(registry_->get(kName, "latest"));
  EXPECT_EQ(store_.calls, (Calls{"read", "head"}));
  const auto cold = replica();
  store_.calls.clear();
  ASSERT_TRUE(cold->get(kName, sha256_of(bytes).str()));
  EXPECT_EQ(store_.calls, (Calls{"head", "read"}));
  EXPECT_EQ(store_.most_at_once, GetParam() ? 2U : 1U);
  store_.calls.clear();
  ASSERT_TRUE(registry_->stat(kName, sha256_of("{}")));
  EXPECT_EQ(store_.calls, (Calls{"read", "head"}));
  store_.calls.clear();
  ASSERT_FALSE(registry_->stat(kName, sha256_of("other")));
  EXPECT_EQ(store_.calls, (Calls{"read"}));
  store_.calls.clear();
  ASSERT_TRUE(registry_->blob(kName, sha256_of("{}")));
  EXPECT_EQ(store_.calls, (Calls{"read", "get"}));
}

}  // namespace
}  // namespace bunker::registry
