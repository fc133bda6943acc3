#include "registryd/storage/s3/calls.h"

#include <gtest/gtest.h>

namespace bunker::storage::s3 {
namespace {

Settings settings() {
  Settings s;
  s.endpoint = "http://s3.example.com:9000";
  s.bucket = "images";
  return s;
}

Calls calls(const Settings& s) {
  return {s, resolve_endpoint(s).value()};
}

std::string header(const Call& call, std::string_view name) {
  for (const auto& [key, value] : call.headers) {
    if (key == name) return value;
  }
  return "(none)";
}

TEST(Calls, KeysAreEncodedByteByByte) {
  EXPECT_EQ(calls(settings()).head("a/b c+d%?\xc3\xa9~").path, "/images/a/b%20c%2Bd%25%3F%C3%A9~");
}

TEST(Calls, TheRootDirectoryIsPutBeforeEveryKey) {
  Settings s = settings();
  s.root_directory = "/team/registry/";
  const Calls c = calls(s);
  EXPECT_EQ(c.head("k").path, "/images/team/registry/k");
  EXPECT_EQ(canonical_query(c.list({"p/", "p/x", true, 10}).query),
            "delimiter=%2F&encoding-type=url&list-type=2&max-keys=10&prefix=team%2Fregistry%2Fp%2F"
            "&start-after=team%2Fregistry%2Fp%2Fx");
  EXPECT_NE(c.remove_many(std::vector<ObjectKey>{"k"}).body.find("<Key>team/registry/k</Key>"),
            std::string::npos);
  EXPECT_EQ(header(c.copy("a", "b"), "x-amz-copy-source"), "/images/team/registry/a");
  EXPECT_EQ(c.strip_root("team/registry/k"), "k");
  EXPECT_EQ(c.strip_root("team/other"), std::nullopt);
}

TEST(Calls, VirtualHostsHaveNoBucketInThePath) {
  Settings s = settings();
  s.force_path_style = false;
  const Calls c = calls(s);
  EXPECT_EQ(c.head("k").path, "/k");
  EXPECT_EQ(c.list({}).path, "/");
}

TEST(Calls, Ranges) {
  const Calls c = calls(settings());
  const auto range = [&c](ByteRange r) { return header(c.get("k", r, ""), "range"); };
  EXPECT_EQ(range({}), "(none)");
  EXPECT_EQ(range({.offset = 5}), "bytes=5-");
  EXPECT_EQ(range({.offset = 5, .length = 1}), "bytes=5-5");
  EXPECT_EQ(range({.offset = 0, .length = 10}), "bytes=0-9");
  EXPECT_EQ(range({.offset = 1, .length = UINT64_MAX}), "bytes=1-18446744073709551615");
  EXPECT_EQ(range({.suffix = 7}), "bytes=-7");
  EXPECT_EQ(header(c.get("k", {}, "\"e\""), "if-match"), "\"e\"");
}

TEST(Calls, DefaultsAreLeftToTheStore) {
  const Call call = calls(settings()).put("k");
  EXPECT_EQ(call.headers, (NameValues{{"content-type", "application/octet-stream"}}));
}

TEST(Calls, ObjectsGetWhatTheConfigurationAsksFor) {
  Settings s = settings();
  s.object_acl = "bucket-owner-full-control";
  s.encrypt = true;
  s.storage_class = "STANDARD_IA";
  for (const Call& call :
       {calls(s).put("k"), calls(s).create_upload("k"), calls(s).copy("from", "k")}) {
    SCOPED_TRACE(call.operation);
    EXPECT_EQ(header(call, "x-amz-acl"), "bucket-owner-full-control");
    EXPECT_EQ(header(call, "x-amz-server-side-encryption"), "AES256");
    EXPECT_EQ(header(call, "x-amz-storage-class"), "STANDARD_IA");
  }
  s.key_id = "arn:aws:kms:eu-central-1:1:key/2";
  EXPECT_EQ(header(calls(s).put("k"), "x-amz-server-side-encryption"), "aws:kms");
  EXPECT_EQ(header(calls(s).put("k"), "x-amz-server-side-encryption-aws-kms-key-id"),
            "arn:aws:kms:eu-central-1:1:key/2");
  s.storage_class = "NONE";
  EXPECT_EQ(header(calls(s).put("k"), "x-amz-storage-class"), "(none)");
  // Parts take what the upload was created with.
  EXPECT_EQ(calls(s).upload_part("k", "id", 1).headers, NameValues());
}

TEST(Calls, DeletionsCarryTheDigestThatStoresInsistOn) {
  const Call call = calls(settings()).remove_many(std::vector<ObjectKey>{"a&b", "c"});
  EXPECT_EQ(call.method, "POST");
  EXPECT_EQ(canonical_query(call.query), "delete=");
  EXPECT_EQ(call.body,
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
            "<Object><Key>a&amp;b</Key></Object><Object><Key>c</Key></Object></Delete>");
  // openssl dgst -md5 -binary | base64
  EXPECT_EQ(header(call, "content-md5"), "Q2KVSVzmt0Hs+y2si5Ty+Q==");
}

TEST(Calls, MultipartUploads) {
  const Calls c = calls(settings());
  EXPECT_EQ(canonical_query(c.create_upload("k").query), "uploads=");
  // R2's ids need encoding.
  EXPECT_EQ(canonical_query(c.upload_part("k", "a+/=", 7).query),
            "partNumber=7&uploadId=a%2B%2F%3D");
  const Call copy = c.copy_part("k", "id", 2, "from it", 10, 5);
  EXPECT_EQ(header(copy, "x-amz-copy-source"), "/images/from%20it");
  EXPECT_EQ(header(copy, "x-amz-copy-source-range"), "bytes=10-14");
  const std::vector<Part> parts = {{1, "\"one\""}, {2, "\"two\""}};
  EXPECT_EQ(c.complete_upload("k", "id", parts).body,
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><PartNumber>1</PartNumber><ETag>\"one\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>\"two\"</ETag></Part>"
            "</CompleteMultipartUpload>");
  EXPECT_EQ(c.abort_upload("k", "id").method, "DELETE");
}

TEST(Calls, ListsOfTheFirstVersionUseAMarker) {
  EXPECT_EQ(canonical_query(calls(settings()).list_v1({"p/", "p/x", false, 1000}).query),
            "encoding-type=url&marker=p%2Fx&max-keys=1000&prefix=p%2F");
}

TEST(Calls, KeysThatXmlCannotHold) {
  EXPECT_TRUE(can_be_in_xml("docker/registry/v2/<&>'\"~"));
  EXPECT_FALSE(can_be_in_xml("a\x01"));
  EXPECT_FALSE(can_be_in_xml("\xff\xfe"));
}

}  // namespace
}  // namespace bunker::storage::s3
