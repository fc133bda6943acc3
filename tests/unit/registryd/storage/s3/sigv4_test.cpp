#include "registryd/storage/s3/sigv4.h"

#include <gtest/gtest.h>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/hash.h"

namespace bunker::storage::s3 {
namespace {

SystemTime at(std::string_view time) {
  return parse_rfc3339(time).value();
}

// AWS's published suite, "aws-sig-v4-test-suite": its keys, scope and time are the same everywhere.
class Suite : public testing::Test {
 protected:
  std::string sign(SignableRequest request) const {
    request.headers.emplace_back("host", "example.amazonaws.com");
    request.headers.emplace_back("x-amz-date", amz_date(now_));
    if (request.payload.empty()) request.payload = kEmptyPayload;
    const std::string header = authorization(request, who_, scope_, now_);
    return header.substr(header.find("SignedHeaders="));
  }

  const Credentials who_{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}};
  const Scope scope_{"us-east-1", "service"};
  const SystemTime now_ = at("2015-08-30T12:36:00Z");
};

TEST_F(Suite, GetVanilla) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/";
  EXPECT_EQ(sign(request),
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST_F(Suite, PostVanilla) {
  SignableRequest request;
  request.method = "POST";
  request.path = "/";
  EXPECT_EQ(sign(request),
            "SignedHeaders=host;x-amz-date, "
            "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

TEST_F(Suite, GetVanillaQueryOrderKeyCase) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/";
  request.query = {{"Param2", "value2"}, {"Param1", "value1"}};
  EXPECT_EQ(sign(request),
            "SignedHeaders=host;x-amz-date, "
            "Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

TEST_F(Suite, GetVanillaEmptyQueryKey) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/";
  request.query = {{"Param1", "value1"}};
  EXPECT_EQ(sign(request),
            "SignedHeaders=host;x-amz-date, "
            "Signature=a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb");
}

TEST_F(Suite, GetUnreserved) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(sign(request),
            "SignedHeaders=host;x-amz-date, "
            "Signature=07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
}

TEST_F(Suite, GetUtf8) {
  SignableRequest request;
  request.method = "GET";
  const std::string path = percent_encode("/ሴ", true);
  request.path = path;
  EXPECT_EQ(sign(request),
            "SignedHeaders=host;x-amz-date, "
            "Signature=8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
}

TEST_F(Suite, GetHeaderValueTrim) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/";
  request.headers = {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}};
  EXPECT_EQ(sign(request),
            "SignedHeaders=host;my-header1;my-header2;x-amz-date, "
            "Signature=acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
}

TEST_F(Suite, PostFormUrlencoded) {
  SignableRequest request;
  request.method = "POST";
  request.path = "/";
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  const std::string payload = hex_encode(sha256("Param1=value1"));
  request.payload = payload;
  EXPECT_EQ(sign(request),
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

// The examples of the S3 API reference.
class S3Examples : public testing::Test {
 protected:
  std::string sign(SignableRequest request) const {
    request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
    if (request.payload.empty()) request.payload = kEmptyPayload;
    request.headers.emplace_back("x-amz-content-sha256", request.payload);
    request.headers.emplace_back("x-amz-date", amz_date(now_));
    return authorization(request, who_, scope_, now_);
  }

  const Credentials who_{
      "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", {}};
  const Scope scope_{"us-east-1", "s3"};
  const SystemTime now_ = at("2013-05-24T00:00:00Z");
};

TEST_F(S3Examples, GetObjectWithRange) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/test.txt";
  request.headers = {{"range", "bytes=0-9"}};
  EXPECT_EQ(sign(request),
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3Examples, PutObject) {
  SignableRequest request;
  request.method = "PUT";
  const std::string path = percent_encode("/test$file.text", true);
  request.path = path;
  request.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  const std::string payload = hex_encode(sha256("Welcome to Amazon S3."));
  request.payload = payload;
  EXPECT_TRUE(sign(request).ends_with(
      "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST_F(S3Examples, GetBucketLifecycle) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/";
  request.query = {{"lifecycle", ""}};
  EXPECT_TRUE(sign(request).ends_with(
      "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST_F(S3Examples, ListObjects) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/";
  request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_TRUE(sign(request).ends_with(
      "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST_F(S3Examples, PresignedUrl) {
  SignableRequest request;
  request.method = "GET";
  request.path = "/test.txt";
  request.headers = {{"host", "examplebucket.s3.amazonaws.com"}};
  EXPECT_EQ(presigned_query(request, who_, scope_, now_, 86400),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST_F(S3Examples, PresignedUrlCarriesTheSessionToken) {
  Credentials who = who_;
  who.session_token = "to/ken==";
  SignableRequest request;
  request.method = "GET";
  request.path = "/test.txt";
  request.headers = {{"host", "examplebucket.s3.amazonaws.com"}};
  const std::string query = presigned_query(request, who, scope_, now_, 60);
  EXPECT_NE(query.find("&X-Amz-Security-Token=to%2Fken%3D%3D&X-Amz-SignedHeaders=host"),
            std::string::npos);
}

TEST(CanonicalQuery, IsSortedByEncodedNameThenValue) {
  EXPECT_EQ(canonical_query({}), "");
  EXPECT_EQ(canonical_query({{"uploads", ""}}), "uploads=");
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a", "x y+z"}, {"B", "1"}, {"a", "/"}}),
            "B=1&a=%2F&a=x%20y%2Bz&b=2");
}

TEST(Hash, PiecesMakeTheSameDigestAsTheWhole) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(std::string_view("hello "))));
  hash.update({});
  hash.update(std::as_bytes(std::span(std::string_view("world"))));
  EXPECT_EQ(hash.peek(), sha256("hello world"));
  EXPECT_EQ(hex_encode(sha256("")), kEmptyPayload);
  EXPECT_EQ(hex_encode(md5("")), "d41d8cd98f00b204e9800998ecf8427e");
}

}  // namespace
}  // namespace bunker::storage::s3
