// Tags, the catalog and referrers.
#include "tests/unit/registryd/api/api_fixture.h"

namespace bunker::api {
namespace {

using nlohmann::json;

class ListsTest : public ApiTest {
 protected:
  // Follows Link until there is none, and returns all entries of `key`.
  std::vector<std::string> follow(std::string target, const char* key) {
    std::vector<std::string> all;
    for (int page = 0; page < 20; ++page) {
      const Answer answer = send("GET", target);
      EXPECT_EQ(answer.status, 200) << answer.body;
      for (const auto& entry : answer.json()[key]) all.push_back(entry);
      const std::string link = answer.header("Link");
      if (link.empty()) return all;
      EXPECT_TRUE(link.starts_with("</v2/")) << link;
      EXPECT_TRUE(link.ends_with(">; rel=\"next\"")) << link;
      target = link.substr(1, link.find('>') - 1);
    }
    ADD_FAILURE() << "the list does not end";
    return all;
  }
};

TEST_F(ListsTest, TagsWithoutNumberAreAll) {
  options_.tags_max = 2;
  restart();
  for (const char* const tag : {"v2", "v1", "v10", "V1"}) push_image("team/app", tag, "one");
  const Answer answer = send("GET", "/v2/team/app/tags/list");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.json()["name"], "team/app");
  EXPECT_EQ(answer.json()["tags"], json({"V1", "v1", "v10", "v2"}));
  EXPECT_EQ(answer.header("Link"), "");
}

TEST_F(ListsTest, TagsByPages) {
  for (const char* const tag : {"a", "b", "c", "d", "e"}) push_image("team/app", tag, "one");
  const Answer page = send("GET", "/v2/team/app/tags/list?n=2");
  EXPECT_EQ(page.json()["tags"], json({"a", "b"}));
  EXPECT_EQ(page.header("Link"), "</v2/team/app/tags/list?last=b&n=2>; rel=\"next\"");
  EXPECT_EQ(send("GET", "/v2/team/app/tags/list?n=2&last=b").json()["tags"], json({"c", "d"}));
  EXPECT_EQ(send("GET", "/v2/team/app/tags/list?last=c").json()["tags"], json({"d", "e"}));
  EXPECT_EQ(send("GET", "/v2/team/app/tags/list?last=bb").json()["tags"], json({"c", "d", "e"}));
  for (const char* const n : {"1", "2", "3", "5", "9"}) {
    EXPECT_EQ(follow(std::string("/v2/team/app/tags/list?n=") + n, "tags"),
              (std::vector<std::string>{"a", "b", "c", "d", "e"}))
        << n;
  }
}

TEST_F(ListsTest, LastPageHasNoLink) {
  for (const char* const tag : {"a", "b"}) push_image("team/app", tag, "one");
  EXPECT_EQ(send("GET", "/v2/team/app/tags/list?n=2").header("Link"), "");
  EXPECT_EQ(send("GET", "/v2/team/app/tags/list?n=2&last=b").json()["tags"], json::array());
}

TEST_F(ListsTest, ZeroTagsAreAnEmptyListWithoutLink) {
  push_image("team/app", "v1", "one");
  const Answer answer = send("GET", "/v2/team/app/tags/list?n=0");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json()["tags"], json::array());
  EXPECT_EQ(answer.header("Link"), "");
}

TEST_F(ListsTest, MoreThanTheMostIsCutAndLeadsOn) {
  options_.tags_max = 2;
  options_.catalog_max_entries = 2;
  restart();
  for (const char* const tag : {"a", "b", "c"}) push_image("team/app", tag, "one");
  for (const char* const name : {"r1", "r2"}) push_image(name, "v1", "one");
  EXPECT_EQ(send("GET", "/v2/team/app/tags/list?n=100").json()["tags"], json({"a", "b"}));
  EXPECT_EQ(follow("/v2/team/app/tags/list?n=100", "tags").size(), 3);
  EXPECT_EQ(send("GET", "/v2/_catalog?n=100").json()["repositories"].size(), 2);
  EXPECT_EQ(follow("/v2/_catalog?n=100", "repositories"),
            (std::vector<std::string>{"r1", "r2", "team/app"}));
  EXPECT_EQ(follow("/v2/_catalog", "repositories").size(), 3);
}

TEST_F(ListsTest, RepositoryWithoutTagsIsEmptyNotUnknown) {
  push_image("team/app", "v1", "one");
  EXPECT_EQ(send("DELETE", "/v2/team/app/manifests/v1").status, 202);
  const Answer answer = send("GET", "/v2/team/app/tags/list");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json()["tags"], json::array());
}

TEST_F(ListsTest, HeadOfAListHasItsLength) {
  push_image("team/app", "v1", "one");
  const Answer get = send("GET", "/v2/team/app/tags/list");
  const Answer head = send("HEAD", "/v2/team/app/tags/list");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.head_length, get.body.size());
}

TEST_F(ListsTest, EmptyCatalog) {
  const Answer answer = send("GET", "/v2/_catalog");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"repositories\":[]}\n");
}

TEST_F(ListsTest, BadNumbers) {
  push_image("team/app", "v1", "one");
  for (const char* const n : {"-1", "x", "1x", "%zz"}) {
    for (const char* const path : {"/v2/team/app/tags/list", "/v2/_catalog"}) {
      const Answer answer = send("GET", std::string(path) + "?n=" + n);
      EXPECT_EQ(answer.status, 400) << path << n;
      EXPECT_EQ(answer.code(), "PAGINATION_NUMBER_INVALID") << path << n;
    }
  }
}

TEST_F(ListsTest, UnknownAndInvalidRepositories) {
  EXPECT_EQ(send("GET", "/v2/nobody/tags/list").status, 404);
  EXPECT_EQ(send("GET", "/v2/nobody/tags/list").code(), "NAME_UNKNOWN");
  EXPECT_EQ(send("GET", "/v2/Nobody/tags/list").code(), "NAME_INVALID");
}

TEST_F(ListsTest, ReferrersOfNothing) {
  const Answer answer = send("GET", "/v2/team/app/referrers/sha256:" + std::string(64, '0'));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), kOciIndex);
  EXPECT_EQ(answer.json()["manifests"], json::array());
  EXPECT_EQ(answer.json()["schemaVersion"], 2);
  EXPECT_EQ(answer.json()["mediaType"], kOciIndex);
  EXPECT_EQ(answer.header("OCI-Filters-Applied"), "");
}

TEST_F(ListsTest, ReferrersFilteredSaySo) {
  const std::string subject = push_image("team/app", "v1", "one");
  for (const char* const type : {"application/x.sbom", "application/x.sig"}) {
    json manifest = json::parse(image_manifest("team/app", type));
    manifest["artifactType"] = type;
    manifest["subject"] = {{"mediaType", kOciManifest}, {"digest", subject}, {"size", 7}};
    const std::string bytes = manifest.dump();
    EXPECT_EQ(send("PUT", "/v2/team/app/manifests/" + sha256(bytes),
                   {{"Content-Type", std::string(kOciManifest)}}, bytes)
                  .status,
              201);
  }
  EXPECT_EQ(send("GET", "/v2/team/app/referrers/" + subject).json()["manifests"].size(), 2);
  const Answer filtered =
      send("GET", "/v2/team/app/referrers/" + subject + "?artifactType=application%2Fx.sig");
  EXPECT_EQ(filtered.json()["manifests"].size(), 1);
  EXPECT_EQ(filtered.json()["manifests"][0]["artifactType"], "application/x.sig");
  EXPECT_EQ(filtered.header("OCI-Filters-Applied"), "artifactType");
}

TEST_F(ListsTest, ReferrersOfWhatIsNoDigest) {
  const Answer answer = send("GET", "/v2/team/app/referrers/v1");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "DIGEST_INVALID");
}

}  // namespace
}  // namespace bunker::api
