// Manifests and blobs as clients read and delete them.
#include "tests/unit/registryd/api/api_fixture.h"

namespace bunker::api {
namespace {

const std::string kNoDigest = sha256("nobody pushed this");

class PullTest : public ApiTest {
 protected:
  const std::string manifest_digest_ = push_image("team/app", "v1", "one");
  const std::string blob_ = "0123456789abcdef";
  const std::string blob_digest_ = push_blob("team/app", blob_);
  const std::string blob_path_ = "/v2/team/app/blobs/" + blob_digest_;
};

// --- Manifests
// ------------------------------------------------------------------------------------

TEST_F(PullTest, ManifestByTagAndDigest) {
  for (const std::string& reference : {std::string("v1"), manifest_digest_}) {
    const Answer answer = send("GET", "/v2/team/app/manifests/" + reference);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(sha256(answer.body), manifest_digest_);
    EXPECT_EQ(answer.header("Content-Type"), kOciManifest);
    EXPECT_EQ(answer.header("Docker-Content-Digest"), manifest_digest_);
    EXPECT_EQ(answer.header("Etag"), "\"" + manifest_digest_ + "\"");
    EXPECT_EQ(answer.header("Docker-Distribution-API-Version"), "registry/2.0");
  }
}

TEST_F(PullTest, ManifestHeadHasAllFieldsAndNoBody) {
  const Answer whole = send("GET", "/v2/team/app/manifests/v1");
  const Answer answer = send("HEAD", "/v2/team/app/manifests/v1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.head_length, whole.body.size());
  EXPECT_EQ(answer.header("Content-Type"), kOciManifest);
  EXPECT_EQ(answer.header("Docker-Content-Digest"), manifest_digest_);
}

TEST_F(PullTest, ManifestIsWhatIsStoredWhateverAcceptSays) {
  const Answer answer = send("GET", "/v2/team/app/manifests/v1",
                             {{"Accept", "application/vnd.docker.distribution.manifest.v2+json"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), kOciManifest);
}

TEST_F(PullTest, ManifestNotModified) {
  const Answer answer =
      send("GET", "/v2/team/app/manifests/v1", {{"If-None-Match", "\"" + manifest_digest_ + "\""}});
  EXPECT_EQ(answer.status, 304);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.header("Etag"), "\"" + manifest_digest_ + "\"");
  EXPECT_EQ(
      send("GET", "/v2/team/app/manifests/v1", {{"If-None-Match", "\"" + kNoDigest + "\""}}).status,
      200);
}

TEST_F(PullTest, ManifestDigestMayBeEscaped) {
  std::string escaped = manifest_digest_;
  escaped.replace(escaped.find(':'), 1, "%3A");
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/" + escaped).status, 200);
}

TEST_F(PullTest, ManifestDeleteByTagLeavesTheManifest) {
  EXPECT_EQ(send("DELETE", "/v2/team/app/manifests/v1").status, 202);
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/v1").code(), "MANIFEST_UNKNOWN");
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/" + manifest_digest_).status, 200);
}

TEST_F(PullTest, ManifestDeleteByDigestTakesItsTags) {
  EXPECT_EQ(send("DELETE", "/v2/team/app/manifests/" + manifest_digest_).status, 202);
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/v1").status, 404);
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/" + manifest_digest_).status, 404);
}

// --- Blobs
// ----------------------------------------------------------------------------------------

TEST_F(PullTest, Blob) {
  const Answer answer = send("GET", blob_path_);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, blob_);
  EXPECT_EQ(answer.header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(answer.header("Docker-Content-Digest"), blob_digest_);
  EXPECT_EQ(answer.header("Etag"), "\"" + blob_digest_ + "\"");
  EXPECT_EQ(answer.header("Accept-Ranges"), "bytes");
  EXPECT_EQ(answer.header("Cache-Control"), "max-age=31536000");
  EXPECT_EQ(answer.header("Content-Encoding"), "");
}

TEST_F(PullTest, BlobHead) {
  const Answer answer = send("HEAD", blob_path_);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.head_length, blob_.size());
  EXPECT_EQ(answer.header("Docker-Content-Digest"), blob_digest_);
  EXPECT_EQ(answer.header("Accept-Ranges"), "bytes");
}

TEST_F(PullTest, BlobNotModifiedOnlyWhereItIs) {
  EXPECT_EQ(send("GET", blob_path_, {{"If-None-Match", "\"" + blob_digest_ + "\""}}).status, 304);
  EXPECT_EQ(
      send("GET", "/v2/team/app/blobs/" + kNoDigest, {{"If-None-Match", "\"" + kNoDigest + "\""}})
          .status,
      404);
}

TEST_F(PullTest, EmptyBlob) {
  const std::string digest = push_blob("team/app", "");
  const Answer answer = send("GET", "/v2/team/app/blobs/" + digest);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  const Answer range = send("GET", "/v2/team/app/blobs/" + digest, {{"Range", "bytes=0-"}});
  EXPECT_EQ(range.status, 416);
  EXPECT_EQ(range.header("Content-Range"), "bytes */0");
}

struct RangeCase {
  std::string range;
  int status;
  std::string body;
  std::string content_range;
};

class BlobRange : public PullTest, public testing::WithParamInterface<RangeCase> {};

TEST_P(BlobRange, AnswersAsRfc9110Says) {
  const RangeCase& expected = GetParam();
  const Answer answer = send("GET", blob_path_, {{"Range", expected.range}});
  EXPECT_EQ(answer.status, expected.status);
  EXPECT_EQ(answer.header("Content-Range"), expected.content_range);
  if (expected.status == 416) {
    EXPECT_EQ(answer.code(), "RANGE_INVALID");
  } else {
    EXPECT_EQ(answer.body, expected.body);
    EXPECT_EQ(answer.header("Content-Type"), "application/octet-stream");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ranges, BlobRange,
    testing::Values(RangeCase{"bytes=2-5", 206, "2345", "bytes 2-5/16"},
                    RangeCase{"bytes=0-0", 206, "0", "bytes 0-0/16"},
                    RangeCase{"bytes=12-", 206, "cdef", "bytes 12-15/16"},
                    RangeCase{"bytes=0-", 206, "0123456789abcdef", "bytes 0-15/16"},
                    RangeCase{"bytes=-3", 206, "def", "bytes 13-15/16"},
                    RangeCase{"bytes=-99", 206, "0123456789abcdef", "bytes 0-15/16"},
                    RangeCase{"bytes=10-99", 206, "abcdef", "bytes 10-15/16"},
                    RangeCase{"bytes=14-18446744073709551615", 206, "ef", "bytes 14-15/16"},
                    RangeCase{"bytes=16-", 416, "", "bytes */16"},
                    RangeCase{"bytes=99-100", 416, "", "bytes */16"},
                    RangeCase{"bytes=-0", 416, "", "bytes */16"},
                    RangeCase{"bytes=5-2", 416, "", "bytes */16"},
                    RangeCase{"bytes=x-y", 416, "", "bytes */16"},
                    RangeCase{"lines=1-2", 200, "0123456789abcdef", ""}));

// The parts of a multipart/byteranges body: each one's Content-Range and bytes.
std::vector<std::pair<std::string, std::string>> parts_of(const Answer& answer) {
  std::vector<std::pair<std::string, std::string>> parts;
  const std::string type = answer.header("Content-Type");
  const std::string prefix = "multipart/byteranges; boundary=";
  EXPECT_TRUE(type.starts_with(prefix)) << type;
  const std::string delimiter = "--" + type.substr(prefix.size());
  std::string_view rest = answer.body;
  while (true) {
    EXPECT_TRUE(rest.starts_with(delimiter)) << rest;
    rest.remove_prefix(std::min(delimiter.size(), rest.size()));
    if (!rest.starts_with("\r\n")) break;
    const std::size_t head = rest.find("\r\n\r\n");
    const std::size_t end = rest.find("\r\n" + delimiter);
    EXPECT_NE(end, std::string_view::npos) << rest;
    if (end == std::string_view::npos) break;
    const std::string_view fields = rest.substr(0, head);
    const std::size_t range = fields.find("Content-Range: ") + 15;
    parts.emplace_back(fields.substr(range, fields.find('\r', range) - range),
                       rest.substr(head + 4, end - head - 4));
    rest.remove_prefix(end + 2);
  }
  EXPECT_EQ(rest, "--\r\n");
  return parts;
}

TEST_F(PullTest, SeveralRangesComeInOrderAndNumber) {
  const Answer answer = send("GET", blob_path_, {{"Range", "bytes=10-11, 2-4,-1"}});
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.header("Content-Range"), "");
  EXPECT_EQ(answer.header("Docker-Content-Digest"), blob_digest_);
  using Parts = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parts_of(answer),
            (Parts{{"bytes 10-11/16", "ab"}, {"bytes 2-4/16", "234"}, {"bytes 15-15/16", "f"}}));
}

TEST_F(PullTest, SeveralRangesOfWhichOneFitsAreOne) {
  const Answer answer = send("GET", blob_path_, {{"Range", "bytes=99-,3-4"}});
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.header("Content-Range"), "bytes 3-4/16");
  EXPECT_EQ(answer.body, "34");
}

TEST_F(PullTest, SeveralRangesOfWhichNoneFits) {
  const Answer answer = send("GET", blob_path_, {{"Range", "bytes=99-,100-200"}});
  EXPECT_EQ(answer.status, 416);
  EXPECT_EQ(answer.header("Content-Range"), "bytes */16");
}

TEST_F(PullTest, TooManyRangesAreABadRequest) {
  std::string range = "bytes=0-0";
  for (int i = 1; i < 64; ++i) range += ",3-3";
  EXPECT_EQ(send("GET", blob_path_, {{"Range", range}}).status, 200);  // more than the blob
  const Answer answer = send("GET", blob_path_, {{"Range", range + ",4-4"}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "RANGE_INVALID");
}

TEST_F(PullTest, RangesThatAskForMoreThanTheBlobGetTheBlob) {
  const Answer answer = send("GET", blob_path_, {{"Range", "bytes=0-,0-,0-"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, blob_);
}

TEST_F(PullTest, IfRangeWithAnotherTagGivesTheWhole) {
  const Answer same =
      send("GET", blob_path_, {{"Range", "bytes=0-1"}, {"If-Range", "\"" + blob_digest_ + "\""}});
  EXPECT_EQ(same.status, 206);
  const Answer other =
      send("GET", blob_path_, {{"Range", "bytes=0-1"}, {"If-Range", "\"sha256:0\""}});
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(other.body, blob_);
}

TEST_F(PullTest, HeadIgnoresRange) {
  const Answer answer = send("HEAD", blob_path_, {{"Range", "bytes=0-1"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.head_length, blob_.size());
}

TEST_F(PullTest, BlobDelete) {
  EXPECT_EQ(send("DELETE", blob_path_).status, 202);
  EXPECT_EQ(send("GET", blob_path_).code(), "BLOB_UNKNOWN");
  EXPECT_EQ(send("HEAD", blob_path_).status, 404);
}

// --- What cannot be ------------------------------------------------------------------------------

struct BadCase {
  std::string method;
  std::string target;
  int status;
  std::string code;
};

class BadPull : public PullTest, public testing::WithParamInterface<BadCase> {};

TEST_P(BadPull, GetsTheSpecsError) {
  const BadCase& bad = GetParam();
  const Answer answer = send(bad.method, bad.target);
  EXPECT_EQ(answer.status, bad.status) << bad.method << " " << bad.target;
  EXPECT_EQ(answer.code(), bad.code) << bad.method << " " << bad.target;
}

const std::string kLongName(256, 'a');
const std::string kLongTag(129, 't');

INSTANTIATE_TEST_SUITE_P(
    Manifests, BadPull,
    testing::Values(BadCase{"GET", "/v2/team/app/manifests/v2", 404, "MANIFEST_UNKNOWN"},
                    BadCase{"GET", "/v2/team/app/manifests/" + kNoDigest, 404, "MANIFEST_UNKNOWN"},
                    BadCase{"GET", "/v2/nobody/manifests/v1", 404, "MANIFEST_UNKNOWN"},
                    BadCase{"GET", "/v2/team/app/manifests/.v1", 404, "MANIFEST_UNKNOWN"},
                    BadCase{"GET", "/v2/team/app/manifests/" + kLongTag, 404, "MANIFEST_UNKNOWN"},
                    BadCase{"GET", "/v2/team/app/manifests/sha256:bad", 400, "DIGEST_INVALID"},
                    BadCase{"GET", "/v2/team/app/manifests/md5:00", 400, "DIGEST_INVALID"},
                    BadCase{"GET", "/v2/team/app/manifests/%zz", 400, "MANIFEST_INVALID"},
                    BadCase{"GET", "/v2/Team/app/manifests/v1", 400, "NAME_INVALID"},
                    BadCase{"GET", "/v2/team%2Fapp/manifests/v1", 400, "NAME_INVALID"},
                    BadCase{"GET", "/v2/team/%2e%2e/app/manifests/v1", 400, "NAME_INVALID"},
                    BadCase{"GET", "/v2/team/../app/manifests/v1", 400, "NAME_INVALID"},
                    BadCase{"GET", "/v2/team//app/manifests/v1", 400, "NAME_INVALID"},
                    BadCase{"GET", "/v2/team/app%00/manifests/v1", 400, "NAME_INVALID"},
                    BadCase{"GET", "/v2/" + kLongName + "/manifests/v1", 400, "NAME_INVALID"},
                    BadCase{"DELETE", "/v2/team/app/manifests/v2", 404, "MANIFEST_UNKNOWN"},
                    BadCase{"DELETE", "/v2/team/app/manifests/.v1", 400, "TAG_INVALID"},
                    BadCase{"DELETE", "/v2/team/app/manifests/" + kNoDigest, 404,
                            "MANIFEST_UNKNOWN"}));

INSTANTIATE_TEST_SUITE_P(
    Blobs, BadPull,
    testing::Values(BadCase{"GET", "/v2/team/app/blobs/" + kNoDigest, 404, "BLOB_UNKNOWN"},
                    BadCase{"GET", "/v2/other/blobs/" + kNoDigest, 404, "BLOB_UNKNOWN"},
                    BadCase{"GET", "/v2/team/app/blobs/sha256:zz", 400, "DIGEST_INVALID"},
                    BadCase{"GET", "/v2/team/app/blobs/v1", 400, "DIGEST_INVALID"},
                    BadCase{"GET", "/v2/team/app/blobs/" + kNoDigest + "0", 400, "DIGEST_INVALID"},
                    BadCase{"GET", "/v2/team/app/blobs/sha256%2", 400, "DIGEST_INVALID"},
                    BadCase{"GET", "/v2/-app/blobs/" + kNoDigest, 400, "NAME_INVALID"},
                    BadCase{"DELETE", "/v2/team/app/blobs/" + kNoDigest, 404, "BLOB_UNKNOWN"},
                    BadCase{"DELETE", "/v2/team/app/blobs/x", 400, "DIGEST_INVALID"}));

TEST_F(PullTest, DeletionIsRefusedByTheNameOfItsKey) {
  registry_options_.delete_enabled = false;
  restart();
  for (const std::string& target : {"/v2/team/app/manifests/v1", blob_path_.c_str()}) {
    const Answer answer = send("DELETE", target);
    EXPECT_EQ(answer.status, 405) << target;
    EXPECT_EQ(answer.code(), "UNSUPPORTED") << target;
    EXPECT_NE(answer.body.find("storage.delete.enabled"), std::string::npos) << answer.body;
  }
}

}  // namespace
}  // namespace bunker::api
