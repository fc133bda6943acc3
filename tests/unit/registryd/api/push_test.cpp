// Uploads and mounts as clients push them.
#include "tests/unit/registryd/api/api_fixture.h"

namespace bunker::api {
namespace {

const std::string kUploads = "/v2/team/app/blobs/uploads/";

class PushTest : public ApiTest {
 protected:
  std::string start() {
    const Answer answer = send("POST", kUploads);
    EXPECT_EQ(answer.status, 202) << answer.body;
    return answer.header("Location");
  }
  std::string pull(const std::string& digest) {
    return send("GET", "/v2/team/app/blobs/" + digest).body;
  }
};

TEST_F(PushTest, StartSaysWhereToGoOn) {
  const Answer answer = send("POST", kUploads);
  EXPECT_EQ(answer.status, 202);
  const std::string location = answer.header("Location");
  EXPECT_TRUE(location.starts_with(kUploads)) << location;
  EXPECT_NE(location.find("?_state="), std::string::npos);
  EXPECT_EQ(location.find("digest="), std::string::npos);
  EXPECT_NE(location.find(answer.header("Docker-Upload-UUID")), std::string::npos);
  EXPECT_EQ(answer.header("Range"), "0-0");
  EXPECT_EQ(answer.body, "");
}

TEST_F(PushTest, MonolithicByPut) {
  const std::string bytes = "whole";
  const Answer answer = send("PUT", with(start(), "digest=" + sha256(bytes)), {}, bytes);
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.header("Location"), "/v2/team/app/blobs/" + sha256(bytes));
  EXPECT_EQ(answer.header("Docker-Content-Digest"), sha256(bytes));
  EXPECT_EQ(pull(sha256(bytes)), bytes);
}

TEST_F(PushTest, MonolithicByPost) {
  const std::string bytes = "at once";
  const Answer answer = send("POST", kUploads + "?digest=" + sha256(bytes), {}, bytes);
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.header("Docker-Content-Digest"), sha256(bytes));
  EXPECT_EQ(pull(sha256(bytes)), bytes);
}

TEST_F(PushTest, PostOfTheEmptyBlob) {
  EXPECT_EQ(send("POST", kUploads + "?digest=" + sha256("")).status, 201);
}

TEST_F(PushTest, PostThatOnlyAnnouncesItsDigestBeginsAnUpload) {
  const std::string bytes = "later";
  const Answer started = send("POST", kUploads + "?digest=" + sha256(bytes));
  EXPECT_EQ(started.status, 202) << started.body;
  EXPECT_EQ(
      send("PUT", with(started.header("Location"), "digest=" + sha256(bytes)), {}, bytes).status,
      201);
}

TEST_F(PushTest, StreamedPatchThenPut) {
  const Answer patched = send_chunked("PATCH", start(), {}, "streamed");
  EXPECT_EQ(patched.status, 202) << patched.body;
  EXPECT_EQ(patched.header("Range"), "0-7");
  EXPECT_NE(patched.header("Docker-Upload-UUID"), "");
  const Answer done = send("PUT", with(patched.header("Location"), "digest=" + sha256("streamed")));
  EXPECT_EQ(done.status, 201) << done.body;
  EXPECT_EQ(pull(sha256("streamed")), "streamed");
}

TEST_F(PushTest, ChunksInOrderThenPutWithTheLast) {
  const Answer first = send("PATCH", start(), {{"Content-Range", "0-2"}}, "abc");
  EXPECT_EQ(first.header("Range"), "0-2");
  const Answer second =
      send("PATCH", first.header("Location"), {{"Content-Range", "bytes=3-4"}}, "de");
  EXPECT_EQ(second.status, 202) << second.body;
  EXPECT_EQ(second.header("Range"), "0-4");
  const Answer last = send("PUT", with(second.header("Location"), "digest=" + sha256("abcdefg")),
                           {{"Content-Range", "5-6"}}, "fg");
  EXPECT_EQ(last.status, 201) << last.body;
  EXPECT_EQ(pull(sha256("abcdefg")), "abcdefg");
}

TEST_F(PushTest, UploadSurvivesARestartBetweenAnyTwoRequests) {
  std::string location = start();
  restart();
  location = send("PATCH", location, {}, "abc").header("Location");
  restart();
  EXPECT_EQ(send("GET", location).header("Range"), "0-2");
  restart();
  EXPECT_EQ(send("PUT", with(location, "digest=" + sha256("abcd")), {}, "d").status, 201);
}

TEST_F(PushTest, ChunkOutOfOrderSaysWhereToResume) {
  const Answer first = send("PATCH", start(), {{"Content-Range", "0-2"}}, "abc");
  for (const char* const range : {"0-2", "9-11", "2-4"}) {
    const Answer refused =
        send("PATCH", first.header("Location"), {{"Content-Range", range}}, "xyz");
    EXPECT_EQ(refused.status, 416) << range;
    EXPECT_EQ(refused.code(), "RANGE_INVALID") << range;
    EXPECT_EQ(refused.header("Range"), "0-2") << range;
    const Answer resumed = send("GET", refused.header("Location"));
    EXPECT_EQ(resumed.status, 204) << range;
    EXPECT_EQ(resumed.header("Range"), "0-2") << range;
  }
  const Answer put = send("PUT", with(first.header("Location"), "digest=" + sha256("abcxyz")),
                          {{"Content-Range", "1-3"}}, "xyz");
  EXPECT_EQ(put.status, 416);
  EXPECT_EQ(put.header("Range"), "0-2");
  const Answer resumed = send("PATCH", put.header("Location"), {{"Content-Range", "3-5"}}, "xyz");
  EXPECT_EQ(resumed.status, 202) << resumed.body;
}

TEST_F(PushTest, FirstChunkOutOfOrder) {
  const std::string location = start();
  const Answer refused = send("PATCH", location, {{"Content-Range", "5-7"}}, "abc");
  EXPECT_EQ(refused.status, 416);
  const Answer status = send("GET", location);
  EXPECT_EQ(status.status, 204);
  EXPECT_TRUE(status.header("Range").starts_with("0-"));
  EXPECT_EQ(send("PATCH", status.header("Location"), {{"Content-Range", "0-2"}}, "abc").status,
            202);
}

TEST_F(PushTest, ChunkWhoseLengthsDiffer) {
  EXPECT_EQ(send("PATCH", start(), {{"Content-Range", "0-9"}}, "abc").code(), "SIZE_INVALID");
  EXPECT_EQ(send_chunked("PATCH", start(), {{"Content-Range", "0-9"}}, "abc").code(),
            "SIZE_INVALID");
}

TEST_F(PushTest, StatusOfAnUpload) {
  const std::string location = send("PATCH", start(), {}, "abc").header("Location");
  for (const char* const method : {"GET", "HEAD"}) {
    const Answer answer = send(method, location);
    EXPECT_EQ(answer.status, 204) << method;
    EXPECT_EQ(answer.header("Range"), "0-2") << method;
    EXPECT_NE(answer.header("Location"), "") << method;
    EXPECT_EQ(answer.body, "") << method;
  }
}

TEST_F(PushTest, CancelForgetsTheUpload) {
  const std::string location = send("PATCH", start(), {}, "abc").header("Location");
  EXPECT_EQ(send("DELETE", location).status, 204);
  EXPECT_EQ(send("GET", location).code(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(send("PATCH", location, {}, "x").code(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(send("PUT", with(location, "digest=" + sha256("abc"))).code(), "BLOB_UPLOAD_UNKNOWN");
}

TEST_F(PushTest, WrongDigestLeavesNothing) {
  const Answer put = send("PUT", with(start(), "digest=" + sha256("other")), {}, "bytes");
  EXPECT_EQ(put.status, 400);
  EXPECT_EQ(put.code(), "DIGEST_INVALID");
  EXPECT_EQ(send("POST", kUploads + "?digest=" + sha256("other"), {}, "bytes").code(),
            "DIGEST_INVALID");
  EXPECT_EQ(send("HEAD", "/v2/team/app/blobs/" + sha256("bytes")).status, 404);
  EXPECT_EQ(send("HEAD", "/v2/team/app/blobs/" + sha256("other")).status, 404);
}

TEST_F(PushTest, Sha512ByEveryWay) {
  EXPECT_EQ(send("POST", kUploads + "?digest=" + sha512("a"), {}, "a").status, 201);
  EXPECT_EQ(send("PUT", with(start(), "digest=" + sha512("b")), {}, "b").status, 201);
  const std::string patched = send("PATCH", start(), {}, "c").header("Location");
  EXPECT_EQ(send("PUT", with(patched, "digest=" + sha512("c"))).status, 201);
  const Answer told = send("POST", kUploads + "?digest-algorithm=sha512");
  EXPECT_EQ(told.status, 202);
  const std::string chunk = send("PATCH", told.header("Location"), {}, "d").header("Location");
  EXPECT_EQ(send("PUT", with(chunk, "digest=" + sha512("d"))).status, 201);
  for (const char* const bytes : {"a", "b", "c", "d"}) EXPECT_EQ(pull(sha512(bytes)), bytes);
}

TEST_F(PushTest, QueryOrderAndStrangersDoNotMatter) {
  std::string location = start();
  const std::size_t question = location.find('?');
  location.insert(question + 1, "ns=r.example&digest=" + sha256("x") + "&");
  EXPECT_EQ(send("PUT", location, {}, "x").status, 201);
}

// --- Mounts
// ---------------------------------------------------------------------------------------

TEST_F(PushTest, MountFromARepository) {
  const std::string digest = push_blob("other/repo", "shared");
  const Answer answer = send("POST", kUploads + "?mount=" + digest + "&from=other/repo");
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.header("Location"), "/v2/team/app/blobs/" + digest);
  EXPECT_EQ(answer.header("Docker-Content-Digest"), digest);
  EXPECT_EQ(pull(digest), "shared");
}

TEST_F(PushTest, MountWithoutFromFindsTheBlobAnywhere) {
  const std::string digest = push_blob("other/repo", "shared");
  EXPECT_EQ(send("POST", kUploads + "?mount=" + digest).status, 201);
  EXPECT_EQ(pull(digest), "shared");
}

TEST_F(PushTest, MountThatCannotBeBeginsAnUpload) {
  push_blob("other/repo", "shared");
  int count = 0;
  for (const char* const from : {"&from=other/repo", "&from=nobody", "&from=Not%20A%20Name", ""}) {
    const std::string bytes = "missing " + std::to_string(++count);
    const Answer answer = send("POST", kUploads + "?mount=" + sha256(bytes) + from);
    EXPECT_EQ(answer.status, 202) << from;
    const Answer put =
        send("PUT", with(answer.header("Location"), "digest=" + sha256(bytes)), {}, bytes);
    EXPECT_EQ(put.status, 201) << from << put.body;
  }
}

// --- What cannot be ------------------------------------------------------------------------------

struct BadCase {
  std::string method;
  std::string target;
  int status;
  std::string code;
};

class BadUpload : public PushTest, public testing::WithParamInterface<BadCase> {};

TEST_P(BadUpload, GetsTheSpecsError) {
  const BadCase& bad = GetParam();
  const Answer answer = send(bad.method, bad.target, {}, "bytes");
  EXPECT_EQ(answer.status, bad.status) << bad.target;
  EXPECT_EQ(answer.code(), bad.code) << bad.target;
}

INSTANTIATE_TEST_SUITE_P(
    Starts, BadUpload,
    testing::Values(BadCase{"POST", "/v2/Team/blobs/uploads/", 400, "NAME_INVALID"},
                    BadCase{"POST", kUploads + "?digest=sha256:zz", 400, "DIGEST_INVALID"},
                    BadCase{"POST", kUploads + "?digest=%zz", 400, "DIGEST_INVALID"},
                    BadCase{"POST", kUploads + "?digest=blake3:00", 400, "DIGEST_INVALID"},
                    BadCase{"POST", kUploads + "?mount=sha256:zz&from=a", 400, "DIGEST_INVALID"},
                    BadCase{"POST", kUploads + "?digest-algorithm=md5", 400, "DIGEST_INVALID"}));

INSTANTIATE_TEST_SUITE_P(
    States, BadUpload,
    testing::Values(BadCase{"GET", kUploads + "u", 404, "BLOB_UPLOAD_UNKNOWN"},
                    BadCase{"PATCH", kUploads + "u", 404, "BLOB_UPLOAD_UNKNOWN"},
                    BadCase{"PUT", kUploads + "u", 404, "BLOB_UPLOAD_UNKNOWN"},
                    BadCase{"DELETE", kUploads + "u", 404, "BLOB_UPLOAD_UNKNOWN"},
                    BadCase{"PATCH", kUploads + "u?_state=AAAA", 400, "BLOB_UPLOAD_INVALID"},
                    BadCase{"PATCH", kUploads + "u?_state=%zz", 400, "BLOB_UPLOAD_INVALID"},
                    BadCase{"PATCH", "/v2/Team/blobs/uploads/u?_state=AAAA", 400, "NAME_INVALID"}));

TEST_F(PushTest, StateBelongsToItsRepositoryAndUpload) {
  const std::string location = start();
  std::string moved = location;
  moved.replace(moved.find("team/app"), 8, "team/two");
  EXPECT_EQ(send("PATCH", moved, {}, "x").code(), "BLOB_UPLOAD_UNKNOWN");
  std::string renamed = location;
  renamed[kUploads.size()] = renamed[kUploads.size()] == '0' ? '1' : '0';
  EXPECT_EQ(send("PATCH", renamed, {}, "x").code(), "BLOB_UPLOAD_UNKNOWN");
  std::string damaged = location;
  damaged.back() = damaged.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(send("PATCH", damaged, {}, "x").code(), "BLOB_UPLOAD_INVALID");
}

TEST_F(PushTest, StateOfAnotherSecretSaysThatReplicasShareIt) {
  const std::string location = start();
  options_.secret = "another";
  restart();
  const Answer answer = send("PATCH", location, {}, "x");
  EXPECT_EQ(answer.code(), "BLOB_UPLOAD_INVALID");
  EXPECT_NE(answer.body.find("http.secret"), std::string::npos) << answer.body;
}

TEST_F(PushTest, PutNeedsADigest) {
  const Answer none = send("PUT", start(), {}, "x");
  EXPECT_EQ(none.status, 400);
  EXPECT_EQ(none.code(), "DIGEST_INVALID");
  EXPECT_EQ(send("PUT", with(start(), "digest=sha256:zz"), {}, "x").code(), "DIGEST_INVALID");
}

TEST_F(PushTest, MalformedContentRange) {
  const Answer answer = send("PATCH", start(), {{"Content-Range", "from here"}}, "x");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "BLOB_UPLOAD_INVALID");
}

TEST_F(PushTest, ReadOnlyRefusesEveryWriteByTheNameOfItsKey) {
  const std::string location = start();
  const std::string digest = push_image("team/app", "v1", "one");
  registry_options_.read_only = true;
  restart();
  const ApiTest::Fields type = {{"Content-Type", std::string(kOciManifest)}};
  for (const Answer& answer : {send("POST", kUploads), send("PATCH", location, {}, "x"),
                               send("PUT", with(location, "digest=" + sha256("x")), {}, "x"),
                               send("PUT", "/v2/team/app/manifests/v2", type, "{}"),
                               send("DELETE", "/v2/team/app/manifests/" + digest),
                               send("DELETE", "/v2/team/app/blobs/" + digest)}) {
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.code(), "UNSUPPORTED");
    EXPECT_NE(answer.body.find("readonly"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(send("GET", "/v2/team/app/manifests/v1").status, 200);
}

}  // namespace
}  // namespace bunker::api
