#include "lib/base/encoding.h"

#include <gtest/gtest.h>

#include "lib/base/random.h"

namespace bunker {
namespace {

using std::chrono::seconds;

std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

TEST(EncodingTest, HexGoesBothWays) {
  EXPECT_EQ(hex_encode(std::string("\x00\x7f\xff", 3)), "007fff");
  EXPECT_EQ(hex_decode("007FfF"), std::string("\x00\x7f\xff", 3));
  EXPECT_EQ(hex_decode(hex_encode(every_byte())), every_byte());
  EXPECT_EQ(hex_decode(""), "");
  for (const char* bad : {"0", "0g", "g0", " 00", "0x", "00 "}) {
    EXPECT_EQ(hex_decode(bad), std::nullopt) << bad;
  }
}

// RFC 4648 §10.
TEST(EncodingTest, Base64HasTheRfcsVectors) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
    EXPECT_EQ(base64url_decode(text), bytes);
  }
  EXPECT_EQ(base64_decode(base64_encode(every_byte())), every_byte());
  EXPECT_EQ(base64url_decode(base64url_encode(every_byte())), every_byte());
}

TEST(EncodingTest, Base64IsStrict) {
  // Missing or surplus padding, stray bits, another alphabet, white space.
  for (const char* bad : {"Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zh==", "Zm9=", "Zm9v=",
                          "Z=g=", "-_-_", "Zm 9", "Zm9v\n", "Zg==Zg=="}) {
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  }
}

TEST(EncodingTest, Base64UrlUsesItsOwnAlphabet) {
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
  EXPECT_EQ(base64url_decode("-_8"), "\xfb\xff");
  EXPECT_EQ(base64url_decode("-_8="), "\xfb\xff");
  for (const char* bad : {"+/8", "-_9", "A", "-_8==", "-_8 "}) {
    EXPECT_EQ(base64url_decode(bad), std::nullopt) << bad;
  }
}

TEST(EncodingTest, PercentGoesBothWays) {
  EXPECT_EQ(percent_encode("a/b c~%\xc3\xa9"), "a%2Fb%20c~%25%C3%A9");
  EXPECT_EQ(percent_encode("a/b", true), "a/b");
  EXPECT_EQ(percent_decode("a%2fb%20c+%C3%A9"), "a/b c+\xc3\xa9");
  EXPECT_EQ(percent_decode(percent_encode(every_byte())), every_byte());
  for (const char* bad : {"%", "%1", "a%", "%g0", "%0g", "%%20"}) {
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
  }
}

TEST(EncodingTest, Rfc3339IsWrittenInUtcAndWholeSeconds) {
  EXPECT_EQ(format_rfc3339(SystemTime{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(SystemTime{} + seconds(1732435200) + std::chrono::milliseconds(999)),
            "2024-11-24T08:00:00Z");
  EXPECT_EQ(format_rfc3339(SystemTime{} - std::chrono::milliseconds(1)), "1969-12-31T23:59:59Z");
}

TEST(EncodingTest, Rfc3339IsReadInItsOtherFormsToo) {
  const SystemTime expected = SystemTime{} + seconds(1732435200);
  for (const char* text :
       {"2024-11-24T08:00:00Z", "2024-11-24t08:00:00z", "2024-11-24T10:30:00+02:30",
        "2024-11-23T23:00:00-09:00", "2024-11-24T08:00:00.000000000Z", "2024-11-24T07:59:60Z"}) {
    EXPECT_EQ(parse_rfc3339(text), expected) << text;
  }
  EXPECT_EQ(parse_rfc3339("2024-11-24T08:00:00.25Z"), expected + std::chrono::milliseconds(250));
  EXPECT_EQ(parse_rfc3339("2024-11-24T08:00:00.1234567891234Z"),
            expected + std::chrono::nanoseconds(123456789));
}

TEST(EncodingTest, WhatIsNoTimeIsRefused) {
  for (const char* bad :
       {"", "2024-11-24", "2024-11-24T08:00:00", "2024-11-24 08:00:00Z", "2024-13-24T08:00:00Z",
        "2024-02-30T08:00:00Z", "2024-11-24T24:00:00Z", "2024-11-24T08:60:00Z",
        "2024-11-24T08:00:61Z", "2024-11-24T08:00:00.Z", "2024-11-24T08:00:00+0200",
        "2024-11-24T08:00:00+24:00", "2024-11-24T08:00:00Zx", "2024-11-24T08:00:00 Z",
        "+024-11-24T08:00:00Z"}) {
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
  }
}

// SystemTime counts nanoseconds, which do for the years 1678 to 2261; Go's zero time is in year 1.
TEST(EncodingTest, TimesBeyondTheClockAreRefused) {
  for (const char* far : {"0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "1677-12-31T23:59:59Z",
                          "2262-12-31T00:00:00Z", "9999-12-31T23:59:59Z"}) {
    EXPECT_EQ(parse_rfc3339(far), std::nullopt) << far;
  }
  for (const char* near : {"1678-01-01T00:00:00Z", "2261-12-31T23:59:59Z"}) {
    const auto time = parse_rfc3339(near);
    ASSERT_TRUE(time) << near;
    EXPECT_EQ(format_rfc3339(*time), near);
  }
}

TEST(RandomTest, BytesAreAsManyAsAskedForAndNeverTheSame) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(1000).size(), 1000u);
  EXPECT_NE(random_bytes(16), random_bytes(16));
}

TEST(RandomTest, UuidsAreOfVersion4) {
  const std::string uuid = random_uuid();
  ASSERT_EQ(uuid.size(), 36u);
  for (const std::size_t dash : {8u, 13u, 18u, 23u}) EXPECT_EQ(uuid[dash], '-');
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos) << uuid;
  EXPECT_EQ(uuid.find_first_not_of("0123456789abcdef-"), std::string::npos) << uuid;
  EXPECT_NE(uuid, random_uuid());
}

}  // namespace
}  // namespace bunker
