// Manifests as clients push them.
#include "tests/unit/registryd/api/api_fixture.h"

namespace bunker::api {
namespace {

const std::string kType(kOciManifest);

class PushManifestTest : public ApiTest {};

TEST_F(PushManifestTest, ManifestByTag) {
  const std::string manifest = image_manifest("team/app", "one");
  const Answer answer =
      send("PUT", "/v2/team/app/manifests/v1", {{"Content-Type", kType}}, manifest);
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.header("Location"), "/v2/team/app/manifests/" + sha256(manifest));
  EXPECT_EQ(answer.header("Docker-Content-Digest"), sha256(manifest));
  EXPECT_EQ(answer.header("OCI-Subject"), "");
  EXPECT_EQ(send("GET", answer.header("Location")).body, manifest);
}

TEST_F(PushManifestTest, ManifestByDigestWithTags) {
  const std::string manifest = image_manifest("team/app", "one");
  const Answer answer =
      send("PUT", "/v2/team/app/manifests/" + sha256(manifest) + "?tag=v1&tag=v1.2&tag=latest",
           {{"Content-Type", kType}}, manifest);
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.header("OCI-Tag"), "v1, v1.2, latest");
  EXPECT_EQ(send("GET", "/v2/team/app/tags/list").json()["tags"],
            nlohmann::json({"latest", "v1", "v1.2"}));
}

TEST_F(PushManifestTest, ManifestTypeLosesItsParameters) {
  const std::string manifest = image_manifest("team/app", "one");
  EXPECT_EQ(send("PUT", "/v2/team/app/manifests/v1", {{"Content-Type", kType + " ; charset=utf-8"}},
                 manifest)
                .status,
            201);
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/v1").header("Content-Type"), kType);
}

TEST_F(PushManifestTest, ManifestWithSubject) {
  const std::string subject = sha256("a subject that is not there");
  nlohmann::json manifest = nlohmann::json::parse(image_manifest("team/app", "one"));
  manifest["artifactType"] = "application/x.test";
  manifest["subject"] = {{"mediaType", kType}, {"digest", subject}, {"size", 7}};
  const std::string bytes = manifest.dump();
  const Answer answer =
      send("PUT", "/v2/team/app/manifests/" + sha256(bytes), {{"Content-Type", kType}}, bytes);
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.header("OCI-Subject"), subject);
  const Answer referrers = send("GET", "/v2/team/app/referrers/" + subject);
  EXPECT_EQ(referrers.json()["manifests"][0]["digest"], sha256(bytes));
}

TEST_F(PushManifestTest, ManifestWhoseBlobsAreMissingNamesThem) {
  nlohmann::json manifest = nlohmann::json::parse(image_manifest("team/app", "one"));
  const std::string missing = sha256("missing");
  manifest["layers"][0]["digest"] = missing;
  const Answer answer =
      send("PUT", "/v2/team/app/manifests/v1", {{"Content-Type", kType}}, manifest.dump());
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_EQ(answer.json()["errors"][0]["detail"]["missing"], nlohmann::json({missing}));
}

TEST_F(PushManifestTest, ManifestOverTheLimit) {
  const std::string big(registry_options_.max_manifest_bytes + 1, ' ');
  for (const Answer& answer :
       {send("PUT", "/v2/team/app/manifests/v1", {{"Content-Type", kType}}, big),
        send_chunked("PUT", "/v2/team/app/manifests/v1", {{"Content-Type", kType}}, big)}) {
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.code(), "MANIFEST_INVALID");
  }
}

TEST_F(PushManifestTest, ManifestOfTheLargestSize) {
  nlohmann::json manifest = nlohmann::json::parse(image_manifest("team/app", "one"));
  manifest["annotations"]["pad"] = "";
  const std::size_t rest = registry_options_.max_manifest_bytes - manifest.dump().size();
  manifest["annotations"]["pad"] = std::string(rest, 'x');
  const std::string bytes = manifest.dump();
  ASSERT_EQ(bytes.size(), registry_options_.max_manifest_bytes);
  EXPECT_EQ(send("PUT", "/v2/team/app/manifests/v1", {{"Content-Type", kType}}, bytes).status, 201);
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/v1").body, bytes);
}

struct BadManifest {
  std::string target;
  std::string type;
  std::string body;
  int status;
  std::string code;
};

class BadManifestTest : public PushManifestTest, public testing::WithParamInterface<BadManifest> {};

TEST_P(BadManifestTest, GetsTheSpecsErrorAndLeavesNothing) {
  const BadManifest& bad = GetParam();
  ApiTest::Fields fields;
  if (!bad.type.empty()) fields.emplace_back("Content-Type", bad.type);
  const Answer answer = send("PUT", bad.target, fields, bad.body);
  EXPECT_EQ(answer.status, bad.status) << bad.target << " " << bad.body << answer.body;
  EXPECT_EQ(answer.code(), bad.code) << bad.target << " " << bad.body;
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/v1").status, 404);
}

const std::string kTag = "/v2/team/app/manifests/v1";

INSTANTIATE_TEST_SUITE_P(
    Manifests, BadManifestTest,
    testing::Values(BadManifest{kTag, kType, "", 400, "MANIFEST_INVALID"},
                    BadManifest{kTag, kType, "{", 400, "MANIFEST_INVALID"},
                    BadManifest{kTag, kType, "[]", 400, "MANIFEST_INVALID"},
                    BadManifest{kTag, kType, "{}", 400, "MANIFEST_INVALID"},
                    BadManifest{"/v2/team/app/manifests/.v1", kType, "{}", 400, "TAG_INVALID"},
                    BadManifest{"/v2/team/app/manifests/sha256:bad", kType, "{}", 400,
                                "DIGEST_INVALID"},
                    BadManifest{"/v2/team/app/manifests/" + sha256("x") + "?tag=.v1", kType, "{}",
                                400, "TAG_INVALID"},
                    BadManifest{"/v2/team/app/manifests/" + sha256("x") + "?tag=%zz", kType, "{}",
                                400, "TAG_INVALID"},
                    BadManifest{"/v2/Team/manifests/v1", kType, "{}", 400, "NAME_INVALID"}));

TEST_F(PushManifestTest, ManifestOfAnotherDigest) {
  const std::string manifest = image_manifest("team/app", "one");
  const Answer answer = send("PUT", "/v2/team/app/manifests/" + sha256("another"),
                             {{"Content-Type", kType}}, manifest);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "DIGEST_INVALID");
}

}  // namespace
}  // namespace bunker::api
