#include "registryd/core/layout.h"

#include <gtest/gtest.h>

namespace bunker::registry::layout {
namespace {

const std::string kRoot = "docker/registry/v2/";
const RepositoryName kName = *RepositoryName::parse("library/alpine");
const Tag kTag = *Tag::parse("3.20");
const Digest kDigest = Digest::of(Algorithm::sha256, "a");
const Digest kOther = Digest::of(Algorithm::sha512, "b");
const std::string kUuid = "0b5a1cd1-6f2f-4a0b-9c2f-0123456789ab";

std::string hex(const Digest& digest) {
  return std::string(digest.hex());
}

template <class T>
const T* parsed_as(const std::optional<Location>& location) {
  return location ? std::get_if<T>(&*location) : nullptr;
}

TEST(Layout, IsThatOfDistribution) {
  const std::string repository = kRoot + "repositories/library/alpine/";
  EXPECT_EQ(blob_data(kDigest),
            kRoot + "blobs/sha256/" + hex(kDigest).substr(0, 2) + "/" + hex(kDigest) + "/data");
  EXPECT_EQ(layer_link(kName, kOther), repository + "_layers/sha512/" + hex(kOther) + "/link");
  EXPECT_EQ(manifests_prefix(kName), repository + "_manifests/");
  EXPECT_EQ(revision_link(kName, kDigest),
            repository + "_manifests/revisions/sha256/" + hex(kDigest) + "/link");
  EXPECT_EQ(tags_prefix(kName), repository + "_manifests/tags/");
  EXPECT_EQ(tag_prefix(kName, kTag), repository + "_manifests/tags/3.20/");
  EXPECT_EQ(tag_current(kName, kTag), repository + "_manifests/tags/3.20/current/link");
  EXPECT_EQ(tag_index(kName, kTag, kDigest),
            repository + "_manifests/tags/3.20/index/sha256/" + hex(kDigest) + "/link");
  EXPECT_EQ(upload_prefix(kName, kUuid), repository + "_uploads/" + kUuid + "/");
  EXPECT_EQ(upload_data(kName, kUuid), repository + "_uploads/" + kUuid + "/data");
  EXPECT_EQ(referrer_link(kName, kDigest, kOther),
            repository + "_referrers/sha256/" + hex(kDigest) + "/sha512/" + hex(kOther) + "/link");
  EXPECT_TRUE(referrer_link(kName, kDigest, kOther).starts_with(referrers_prefix(kName, kDigest)));
}

TEST(Layout, ParsesItsOwnKeys) {
  const auto blob = parse_key(blob_data(kOther));
  ASSERT_TRUE(parsed_as<BlobData>(blob));
  EXPECT_EQ(parsed_as<BlobData>(blob)->digest, kOther);

  const auto layer = parse_key(layer_link(kName, kDigest));
  ASSERT_TRUE(parsed_as<LayerLink>(layer));
  EXPECT_EQ(parsed_as<LayerLink>(layer)->name, kName);
  EXPECT_EQ(parsed_as<LayerLink>(layer)->digest, kDigest);

  const auto revision = parse_key(revision_link(kName, kDigest));
  ASSERT_TRUE(parsed_as<RevisionLink>(revision));
  EXPECT_EQ(parsed_as<RevisionLink>(revision)->digest, kDigest);

  const auto current = parse_key(tag_current(kName, kTag));
  ASSERT_TRUE(parsed_as<TagCurrent>(current));
  EXPECT_EQ(parsed_as<TagCurrent>(current)->tag, kTag);

  const auto index = parse_key(tag_index(kName, kTag, kOther));
  ASSERT_TRUE(parsed_as<TagIndex>(index));
  EXPECT_EQ(parsed_as<TagIndex>(index)->tag, kTag);
  EXPECT_EQ(parsed_as<TagIndex>(index)->digest, kOther);

  const auto upload = parse_key(upload_prefix(kName, kUuid) + "hashstates/sha256/0");
  ASSERT_TRUE(parsed_as<UploadFile>(upload));
  EXPECT_EQ(parsed_as<UploadFile>(upload)->uuid, kUuid);
  EXPECT_EQ(parsed_as<UploadFile>(upload)->file, "hashstates/sha256/0");

  const auto referrer = parse_key(referrer_link(kName, kDigest, kOther));
  ASSERT_TRUE(parsed_as<ReferrerLink>(referrer));
  EXPECT_EQ(parsed_as<ReferrerLink>(referrer)->subject, kDigest);
  EXPECT_EQ(parsed_as<ReferrerLink>(referrer)->referrer, kOther);
}

TEST(Layout, IgnoresForeignKeys) {
  const std::string repository = kRoot + "repositories/library/alpine/";
  const std::string bad[] = {
      "",
      "/",
      "scheduler-state.json",
      kRoot,
      kRoot + "blobs",
      kRoot + "blobs/",
      kRoot + "blobs/sha256/ab/" + hex(kDigest) + "/data",
      kRoot + "blobs/sha256/" + hex(kDigest) + "/data",
      kRoot + "blobs/md5/aa/aabb/data",
      blob_data(kDigest) + "/",
      blob_data(kDigest) + "x",
      repository,
      repository + "_layers/sha256/" + hex(kDigest),
      repository + "_layers/sha256/" + hex(kDigest) + "/linked",
      repository + "_layers/sha512/" + hex(kDigest) + "/link",
      repository + "_manifests/revisions/sha256/" + hex(kDigest) + "/signatures/sha256/ab/link",
      repository + "_manifests/tags/-bad/current/link",
      repository + "_manifests/tags/3.20/current/link/x",
      repository + "_manifests/tags//current/link",
      repository + "_uploads/",
      repository + "_uploads//data",
      repository + "_uploads/not-a-uuid/data",
      repository + "_uploads/" + kUuid,
      repository + "_uploads/" + kUuid + "/",
      repository + "_unknown/x",
      kRoot + "repositories/Upper/_layers/sha256/" + hex(kDigest) + "/link",
      kRoot + "repositories/_layers/sha256/" + hex(kDigest) + "/link",
      kRoot + "repositories//_layers/sha256/" + hex(kDigest) + "/link",
  };
  for (const std::string& key : bad) EXPECT_FALSE(parse_key(key)) << key;
}

TEST(Layout, ReadsLinks) {
  EXPECT_EQ(parse_link(kDigest.str()), kDigest);
  EXPECT_EQ(parse_link(kOther.str() + "\n"), kOther);
  EXPECT_FALSE(parse_link(""));
  EXPECT_FALSE(parse_link("\n"));
  EXPECT_FALSE(parse_link("sha256:abc"));
  EXPECT_FALSE(parse_link(kDigest.str() + " " + kDigest.str()));
}

}  // namespace
}  // namespace bunker::registry::layout
