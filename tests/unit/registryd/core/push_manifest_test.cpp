#include "registryd/core/errors.h"
#include "registryd/core/layout.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

class PushManifest : public RegistryTest {
 protected:
  // An image whose blobs are in the repository.
  std::string ready_image(const std::string& name, std::string_view extra = {}) {
    EXPECT_TRUE(registry_->push(name, "{}"));
    EXPECT_TRUE(registry_->push(name, "layer"));
    return image(blob_descriptor("{}"), {blob_descriptor("layer")}, extra);
  }
};
INSTANTIATE_TEST_SUITE_P(Store, PushManifest, ::testing::Bool());

const std::string kName = "library/alpine";
constexpr std::string_view kForeign =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

std::string child_of(std::string_view bytes, std::string_view extra = {}) {
  return descriptor(media_type::kOciImage, sha256_of(bytes), bytes.size(), extra);
}

TEST_P(PushManifest, WritesDistributionsLayout) {
  const std::string bytes = ready_image(kName);
  const auto pushed = registry_->put(kName, "v1", bytes);
  ASSERT_TRUE(pushed) << pushed.error().message << pushed.error().detail;
  EXPECT_EQ(pushed->digest, sha256_of(bytes));
  EXPECT_EQ(pushed->tags, std::vector<std::string>{"v1"});
  EXPECT_FALSE(pushed->subject);
  const RepositoryName name = name_of(kName);
  const std::string digest = pushed->digest.str();
  EXPECT_EQ(*read_object(layout::blob_data(pushed->digest)), bytes);
  EXPECT_EQ(*read_object(layout::revision_link(name, pushed->digest)), digest);
  EXPECT_EQ(*read_object(layout::tag_current(name, tag_of("v1"))), digest);
  EXPECT_EQ(*read_object(layout::tag_index(name, tag_of("v1"), pushed->digest)), digest);
  EXPECT_EQ(keys(layout::manifests_prefix(name)).size(), 3U);
}

TEST_P(PushManifest, ByDigestOfBothAlgorithms) {
  const std::string bytes = ready_image(kName);
  for (const Digest& digest : {sha256_of(bytes), sha512_of(bytes)}) {
    const auto pushed = registry_->put(kName, digest.str(), bytes);
    ASSERT_TRUE(pushed);
    EXPECT_EQ(pushed->digest, digest);
    EXPECT_TRUE(pushed->tags.empty());
    EXPECT_EQ(*registry_->get(kName, digest.str())->bytes, bytes);
  }
}

TEST_P(PushManifest, AnImmutableTagKeepsItsManifest) {
  auto options = default_options();
  options.is_immutable = [](const RepositoryName&, const Tag& tag) {
    return tag.str().starts_with("v");
  };
  const auto strict = replica(options);
  const std::string bytes = ready_image(kName);
  const std::string other = ready_image(kName, R"(,"annotations":{"a":"b"})");
  ASSERT_TRUE(strict->put(kName, "v1", bytes));
  EXPECT_TRUE(strict->put(kName, "v1", bytes));  // the same again
  EXPECT_TRUE(strict->put(kName, "latest", bytes));
  EXPECT_TRUE(strict->put(kName, "latest", other));
  const std::string digest = sha256_of(other).str();
  for (const auto& refused :
       {strict->put(kName, "v1", other), strict->put(kName, digest, other, {}, {"latest", "v1"})}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, reason::kDenied);
    EXPECT_NE(refused.error().message.find("tag v1 of " + kName), std::string::npos);
  }
  EXPECT_EQ(registry_->get(kName, "v1")->digest, sha256_of(bytes));
}

TEST_P(PushManifest, TagParameters) {
  const std::string bytes = ready_image(kName);
  const Digest digest = sha512_of(bytes);
  const auto pushed = registry_->put(kName, digest.str(), bytes, {}, {"a", "b", "a"});
  ASSERT_TRUE(pushed);
  EXPECT_EQ(pushed->tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(registry_->get(kName, "b")->digest, digest);
  const auto more = registry_->put(kName, "c", bytes, {}, {"d", "c"});
  ASSERT_TRUE(more);
  EXPECT_EQ(more->tags, (std::vector<std::string>{"c", "d"}));
  EXPECT_EQ(registry_->get(kName, "d")->digest, sha256_of(bytes));
}

TEST_P(PushManifest, WrongDigestIsRefused) {
  const std::string bytes = ready_image(kName);
  const auto before = keys();
  const auto pushed = registry_->put(kName, sha256_of(bytes).str(), bytes + "  ");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::invalid);
  EXPECT_EQ(pushed.error().reason, reason::kDigestInvalid);
  EXPECT_EQ(keys(), before);
}

TEST_P(PushManifest, OverTheLimitIsTooLarge) {
  auto options = default_options();
  options.max_manifest_bytes = 1000;
  const auto small = replica(options);
  const std::string bytes =
      ready_image(kName, ",\"annotations\":{\"a\":\"" + std::string(1000, 'x') + "\"}");
  EXPECT_EQ(small->put(kName, "v1", bytes).error().code, Code::too_large);
  ASSERT_TRUE(registry_->put(kName, "v1", bytes));
  EXPECT_TRUE(small->get(kName, "v1"));  // what was accepted before stays readable
}

TEST_P(PushManifest, AcceptsFourMebibytes) {
  std::string bytes = ready_image(kName, ",\"annotations\":{\"a\":\"\"}");
  const std::size_t room = (4u << 20) - bytes.size();
  bytes.insert(bytes.size() - 3, std::string(room, 'x'));
  ASSERT_EQ(bytes.size(), 4u << 20);
  ASSERT_TRUE(registry_->put(kName, "v1", bytes));
  EXPECT_EQ(*replica()->get(kName, "v1")->bytes, bytes);
}

TEST_P(PushManifest, NamesEveryMissingReference) {
  ASSERT_TRUE(registry_->push(kName, "there"));
  const std::string bytes =
      image(blob_descriptor("config"), {blob_descriptor("there"), blob_descriptor("layer")});
  const auto before = keys();
  const auto pushed = registry_->put(kName, "v1", bytes);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::invalid);
  EXPECT_EQ(pushed.error().reason, reason::kManifestBlobUnknown);
  const std::string& detail = pushed.error().detail;
  EXPECT_NE(detail.find(sha256_of("config").str()), std::string::npos) << detail;
  EXPECT_NE(detail.find(sha256_of("layer").str()), std::string::npos) << detail;
  EXPECT_EQ(detail.find(sha256_of("there").str()), std::string::npos) << detail;
  EXPECT_EQ(keys(), before);
}

TEST_P(PushManifest, BlobOfAnotherRepositoryIsMissing) {
  const std::string bytes = ready_image("other");
  EXPECT_EQ(registry_->put(kName, "v1", bytes).error().reason, reason::kManifestBlobUnknown);
}

TEST_P(PushManifest, LinkWithoutBytesIsMissing) {
  const std::string bytes = ready_image(kName);
  remove_object(layout::blob_data(sha256_of("layer")));
  EXPECT_EQ(registry_->put(kName, "v1", bytes).error().reason, reason::kManifestBlobUnknown);
}

TEST_P(PushManifest, OptionalReferencesAcceptSparseImages) {
  auto options = default_options();
  options.references.required = false;
  const auto lenient = replica(options);
  const std::string sparse = image(blob_descriptor("config"), {blob_descriptor("layer")});
  EXPECT_TRUE(lenient->put(kName, "image", sparse));
  EXPECT_TRUE(lenient->put(kName, "index", index_of({child_of("missing")})));
}

TEST_P(PushManifest, ForeignLayersNeedNotBeHere) {
  ASSERT_TRUE(registry_->push(kName, "{}"));
  const std::string with_url =
      descriptor(kForeign, sha256_of("far"), 3, R"(,"urls":["https://store.example.com/far"])");
  EXPECT_TRUE(registry_->put(kName, "v1", image(blob_descriptor("{}"), {with_url})));
  const std::string without_url = descriptor(kForeign, sha256_of("far"), 3);
  EXPECT_FALSE(registry_->put(kName, "v2", image(blob_descriptor("{}"), {without_url})));
  // A url does not excuse an ordinary layer.
  const std::string ordinary = descriptor("application/vnd.oci.image.layer.v1.tar",
                                          sha256_of("far"), 3, R"(,"urls":["https://a/b"])");
  EXPECT_FALSE(registry_->put(kName, "v3", image(blob_descriptor("{}"), {ordinary})));
}

TEST_P(PushManifest, UrlsMustBeAllowed) {
  ASSERT_TRUE(registry_->push(kName, "{}"));
  auto pushes = [&](SyncRegistry& registry, const std::string& url) {
    const std::string layer =
        descriptor(kForeign, sha256_of("far"), 3, ",\"urls\":[\"" + url + "\"]");
    const auto pushed = registry.put(kName, "v1", image(blob_descriptor("{}"), {layer}));
    if (!pushed) EXPECT_EQ(pushed.error().reason, reason::kManifestInvalid);
    return pushed.has_value();
  };
  EXPECT_FALSE(pushes(*registry_, "ftp://example.com/far"));
  EXPECT_FALSE(pushes(*registry_, "https://example.com/far#part"));
  EXPECT_FALSE(pushes(*registry_, "javascript:alert(1)"));
  EXPECT_FALSE(pushes(*registry_, "https://example.com/" + std::string(5000, 'a')));

  auto options = default_options();
  options.references.urls_allow = {"^https?://([^/]+\\.)*example\\.com/"};
  options.references.urls_deny = {"^https?://evil\\.example\\.com/"};
  const auto strict = replica(options);
  EXPECT_TRUE(pushes(*strict, "https://good.example.com/far"));
  EXPECT_FALSE(pushes(*strict, "https://evil.example.com/far"));
  EXPECT_FALSE(pushes(*strict, "https://elsewhere.net/far"));

  options.references.urls_allow = {"^https://(a+)+$"};  // exponential for those who backtrack
  EXPECT_FALSE(pushes(*replica(options), "https://" + std::string(2000, 'a') + "!"));
  options.references.urls_deny = {"("};  // does not compile: denies all
  EXPECT_FALSE(pushes(*replica(options), "https://good.example.com/far"));
}

TEST_P(PushManifest, IndexNeedsItsChildren) {
  const std::string child = ready_image(kName);
  const std::string index = index_of({child_of(child)});
  EXPECT_EQ(registry_->put(kName, "v1", index).error().reason, reason::kManifestBlobUnknown);
  ASSERT_TRUE(registry_->put(kName, sha256_of(child).str(), child));
  EXPECT_TRUE(registry_->put(kName, "v1", index));
  EXPECT_TRUE(registry_->put(kName, "empty", index_of({})));
}

TEST_P(PushManifest, IndexPolicies) {
  const std::string amd64 = R"(,"platform":{"os":"linux","architecture":"amd64"})";
  const std::string arm64 = R"(,"platform":{"os":"linux","architecture":"arm64"})";
  const std::string child = ready_image(kName);
  ASSERT_TRUE(registry_->put(kName, sha256_of(child).str(), child));
  const std::string index =
      index_of({child_of(child, amd64), child_of("missing", arm64), child_of("attestation")});
  EXPECT_FALSE(registry_->put(kName, "v1", index));

  auto options = default_options();
  options.references.indexes = ReferencePolicy::Indexes::none;
  EXPECT_TRUE(replica(options)->put(kName, "v1", index));

  options.references.indexes = ReferencePolicy::Indexes::listed;
  options.references.platforms = {{"linux", "amd64"}};
  EXPECT_TRUE(replica(options)->put(kName, "v1", index));
  options.references.platforms = {{"linux", "arm64"}};
  EXPECT_FALSE(replica(options)->put(kName, "v1", index));
  options.references.platforms.clear();
  EXPECT_FALSE(replica(options)->put(kName, "v1", index));
}

TEST_P(PushManifest, BuildCacheIndexesReferToBlobs) {
  const std::string layer =
      descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", sha256_of("layer"), 5);
  const std::string config =
      descriptor("application/vnd.buildkit.cacheconfig.v0", sha256_of("cache"), 5);
  const std::string index = index_of({layer, config});
  EXPECT_EQ(registry_->put(kName, "cache", index).error().reason, reason::kManifestBlobUnknown);
  ASSERT_TRUE(registry_->push(kName, "layer"));
  ASSERT_TRUE(registry_->push(kName, "cache"));
  EXPECT_TRUE(registry_->put(kName, "cache", index));
}

TEST_P(PushManifest, DisabledValidationChecksNoContent) {
  auto options = default_options();
  options.references.disabled = true;
  options.references.urls_allow = {"^$"};
  const std::string layer = descriptor(kForeign, sha256_of("far"), 3, R"(,"urls":["https://a/b"])");
  EXPECT_TRUE(replica(options)->put(kName, "v1", image(blob_descriptor("config"), {layer})));
  EXPECT_FALSE(replica(options)->put(kName, "v1", "not json"));
}

TEST_P(PushManifest, MovesATag) {
  const std::string first = ready_image(kName);
  const std::string second = ready_image(kName, ",\"annotations\":{\"v\":\"2\"}");
  ASSERT_TRUE(registry_->put(kName, "v1", first));
  ASSERT_TRUE(registry_->put(kName, "v1", second));
  EXPECT_EQ(registry_->get(kName, "v1")->digest, sha256_of(second));
  EXPECT_TRUE(registry_->get(kName, sha256_of(first).str()));
}

TEST_P(PushManifest, SameAgainWritesNothingNearby) {
  const std::string bytes = ready_image(kName);
  ASSERT_TRUE(registry_->put(kName, "v1", bytes));
  store_.calls.clear();
  ASSERT_TRUE(registry_->put(kName, "v1", bytes));
  const auto writes = std::ranges::count(store_.calls, "put");
  EXPECT_EQ(writes, GetParam() ? 4 : 0);
}

TEST_P(PushManifest, MendsDamagedBytes) {
  const std::string bytes = ready_image(kName);
  put_object(layout::blob_data(sha256_of(bytes)), std::string(bytes.size(), 'x'));
  ASSERT_TRUE(registry_->put(kName, "v1", bytes));
  EXPECT_EQ(*replica()->get(kName, "v1")->bytes, bytes);
}

// Wherever the writer dies: a tag that can be listed leads to a manifest that is whole.
TEST_P(PushManifest, NoCrashLeavesATagWithoutItsManifest) {
  const std::string subject = ",\"subject\":" + blob_descriptor("subject");
  for (std::size_t writes = 0;; ++writes) {
    const std::string name = "crash/n" + std::to_string(writes);
    const std::string bytes = ready_image(name, subject);
    DyingStore dying(*memory_, writes);
    dying.set_remote(GetParam());
    SyncRegistry victim(dying, clock_, default_options());
    const auto pushed = victim.put(name, sha256_of(bytes).str(), bytes, {}, {"a", "b"});
    EXPECT_EQ(pushed.has_value(), !dying.died());
    const auto page = registry_->tags(name);
    if (page) {
      for (const std::string& tag : page->names) {
        const auto manifest = replica()->get(name, tag);
        ASSERT_TRUE(manifest) << tag << " after " << writes << " writes";
        EXPECT_EQ(*manifest->bytes, bytes);
      }
    }
    if (!dying.died()) break;
    // The client tries again.
    ASSERT_TRUE(registry_->put(name, sha256_of(bytes).str(), bytes, {}, {"a", "b"}));
    EXPECT_EQ(registry_->tags(name)->names, (std::vector<std::string>{"a", "b"}));
    EXPECT_NE(registry_->referrers(name, sha256_of("subject"))->find(sha256_of(bytes).str()),
              std::string::npos);
  }
}

}  // namespace
}  // namespace bunker::registry
