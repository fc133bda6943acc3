#include "registryd/storage/s3/xml.h"

#include <gtest/gtest.h>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/calls.h"

namespace bunker::storage::s3 {
namespace {

TEST(ParseError, SaysWhatTheStoreSaid) {
  const auto error = parse_error(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>PermanentRedirect</Code>"
      "<Message>Use the other &amp; better endpoint</Message><Region>eu-west-1</Region>"
      "<RequestId>1</RequestId></Error>");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "PermanentRedirect");
  EXPECT_EQ(error->message, "Use the other & better endpoint");
  EXPECT_EQ(error->region, "eu-west-1");
}

TEST(ParseError, WhatIsNotOneIsNone) {
  for (const char* text : {"", "<html><body>502</body></html>", "not xml", "<Error>", "{}"}) {
    EXPECT_FALSE(parse_error(text)) << text;
  }
}

constexpr const char* kList =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
    "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
    "<Contents><Key>a/b+c%2Bd%01</Key><LastModified>2026-11-24T08:00:01.987Z</LastModified>"
    "<ETag>&quot;e&quot;</ETag><Size>18446744073709551615</Size></Contents>"
    "<CommonPrefixes><Prefix>a%2Fx%20y/</Prefix></CommonPrefixes>"
    "<CommonPrefixes><Prefix>z/</Prefix></CommonPrefixes></ListBucketResult>";

TEST(ParseList, ObjectsAndPrefixes) {
  const auto list = parse_list(kList);
  ASSERT_TRUE(list) << to_string(list.error());
  EXPECT_TRUE(list->truncated);
  ASSERT_EQ(list->objects.size(), 1U);
  EXPECT_EQ(list->objects[0].key, "a/b c+d\x01");
  EXPECT_EQ(list->objects[0].size, UINT64_MAX);
  EXPECT_EQ(list->objects[0].modified, parse_rfc3339("2026-11-24T08:00:01Z"));
  EXPECT_EQ(list->prefixes, (std::vector<std::string>{"a/x y/", "z/"}));
}

TEST(ParseList, KeysAreTakenAsTheyAreWhereTheStoreDidNotEncodeThem) {
  const auto list = parse_list(
      "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a+b%41</Key>"
      "<LastModified>2026-11-24T08:00:01Z</LastModified><Size>1</Size></Contents>"
      "</ListBucketResult>");
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->truncated);
  EXPECT_EQ(list->objects[0].key, "a+b%41");
}

TEST(ParseList, EveryCutIsAnError) {
  const std::string whole = kList;
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_FALSE(parse_list(std::string_view(whole).substr(0, size))) << size;
  }
}

TEST(ParseList, NonsenseIsAnErrorThatMayPass) {
  for (const char* text :
       {"<html/>", "<ListBucketResult/>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>-1</Size>"
        "<LastModified>2026-11-24T08:00:01Z</LastModified></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>1</Size>"
        "<LastModified>yesterday</LastModified></Contents></ListBucketResult>",
        "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
        "<CommonPrefixes><Prefix>%zz</Prefix></CommonPrefixes></ListBucketResult>"}) {
    const auto list = parse_list(text);
    ASSERT_FALSE(list) << text;
    EXPECT_EQ(list.error().code, Code::retry_later);
  }
}

TEST(ParseCreatedUpload, TheId) {
  EXPECT_EQ(parse_created_upload("<InitiateMultipartUploadResult><Bucket>b</Bucket>"
                                 "<UploadId>a+/=</UploadId></InitiateMultipartUploadResult>")
                .value(),
            "a+/=");
  EXPECT_FALSE(parse_created_upload("<InitiateMultipartUploadResult/>"));
}

TEST(ParseDone, ErrorsThatComeAs200) {
  const auto error = parse_done(
      "<?xml version=\"1.0\"?>\n  \n<Error><Code>InternalError</Code><Message>m</Message></Error>");
  ASSERT_TRUE(error);
  ASSERT_TRUE(error->error);
  EXPECT_EQ(error->error->code, "InternalError");
  for (const std::string name :
       {"CompleteMultipartUploadResult", "CopyObjectResult", "CopyPartResult"}) {
    const auto done = parse_done('<' + name + "><ETag>\"e\"</ETag></" + name + '>');
    ASSERT_TRUE(done) << name;
    EXPECT_FALSE(done->error);
    EXPECT_EQ(done->etag, "\"e\"");
  }
  EXPECT_FALSE(parse_done(""));
  EXPECT_FALSE(parse_done("<CompleteMultipartUploadResult><ETag>\"e\"</ETag>"));
}

TEST(ParseDeleted, OnlyWhatFailed) {
  const auto errors = parse_deleted(
      "<DeleteResult><Deleted><Key>gone</Key></Deleted><Error><Key>kept</Key>"
      "<Code>AccessDenied</Code><Message>m</Message></Error></DeleteResult>");
  ASSERT_TRUE(errors);
  ASSERT_EQ(errors->size(), 1U);
  EXPECT_EQ(errors->front().key, "kept");
  EXPECT_EQ(errors->front().code, "AccessDenied");
  EXPECT_TRUE(parse_deleted("<DeleteResult/>").value().empty());
  EXPECT_FALSE(parse_deleted("<html/>"));
}

}  // namespace
}  // namespace bunker::storage::s3
