#include "registryd/auth/basic.h"

#include <gtest/gtest.h>

#include "lib/base/encoding.h"

namespace bunker::auth {
namespace {

std::optional<Credentials> parse(const std::string& user_and_password) {
  return parse_basic("Basic " + base64_encode(user_and_password));
}

TEST(BasicTest, ReadsTheExampleOfTheRfc) {
  const auto credentials = parse_basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->user, "Aladdin");
  EXPECT_EQ(credentials->password, "open sesame");
}

TEST(BasicTest, TheFirstColonSeparates) {
  EXPECT_EQ(parse("user:a:b:")->password, "a:b:");
  EXPECT_EQ(parse("user:")->password, "");
  EXPECT_EQ(parse("usér:päss")->user, "usér");
}

TEST(BasicTest, TheSchemesCaseAndSpacesDoNotMatter) {
  EXPECT_TRUE(parse_basic("basic   YTpi"));
  EXPECT_TRUE(parse_basic("BASIC YTpi"));
}

TEST(BasicTest, AnythingElseIsRefused) {
  for (const char* bad : {"", "Basic", "Basic ", "BasicYTpi", "Basi\x03 YTpi", "Bearer YTpi",
                          "Basic YTpi ", "Basic YTp", "Basic YTpi, Basic YTpi", "Basic\tYTpi"}) {
    EXPECT_FALSE(parse_basic(bad)) << bad;
  }
  for (const std::string& bad :
       {std::string(""), std::string("no colon"), std::string(":password"),
        std::string("u:p\0x", 5), std::string("u\n:p"), std::string("u:p\x7f"),
        std::string("u:\xff"), std::string("\xc0\xaf:p")}) {
    EXPECT_FALSE(parse(bad)) << bad;
  }
}

TEST(BasicTest, TheChallengeQuotesItsRealm) {
  EXPECT_EQ(basic_challenge("Registry Realm"), "Basic realm=\"Registry Realm\"");
  EXPECT_EQ(basic_challenge("a\"b\\c"), "Basic realm=\"a\\\"b\\\\c\"");
  EXPECT_EQ(basic_challenge("a\r\nSet-Cookie: x"), "Basic realm=\"a  Set-Cookie: x\"");
}

}  // namespace
}  // namespace bunker::auth
