#include "registryd/config/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/utf8.h"
#include "registryd/config/suggest.h"

namespace bunker::config {
namespace {

using namespace std::chrono_literals;
using testing::Optional;

TEST(ParseFlag, ReadsTheWordsOfYaml11) {
  for (const char* word :
       {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"}) {
    EXPECT_THAT(parse_flag(word), Optional(true)) << word;
  }
  for (const char* word :
       {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"}) {
    EXPECT_THAT(parse_flag(word), Optional(false)) << word;
  }
  for (const char* word : {"", "1", "0", "tRUE", "yEs", "enabled", "true "}) {
    EXPECT_EQ(parse_flag(word), std::nullopt) << word;
  }
}

TEST(ParseInteger, ReadsGosLiterals) {
  EXPECT_THAT(parse_integer("0"), Optional(0));
  EXPECT_THAT(parse_integer("42"), Optional(42));
  EXPECT_THAT(parse_integer("+42"), Optional(42));
  EXPECT_THAT(parse_integer("-42"), Optional(-42));
  EXPECT_THAT(parse_integer("1_000_000"), Optional(1'000'000));
  EXPECT_THAT(parse_integer("0x1F"), Optional(31));
  EXPECT_THAT(parse_integer("0o17"), Optional(15));
  EXPECT_THAT(parse_integer("017"), Optional(15));
  EXPECT_THAT(parse_integer("0b101"), Optional(5));
  EXPECT_THAT(parse_integer("-0x10"), Optional(-16));
  EXPECT_THAT(parse_integer("9223372036854775807"), Optional(INT64_MAX));
  EXPECT_THAT(parse_integer("-9223372036854775808"), Optional(INT64_MIN));
  for (const char* text : {"", "-", "+", "_", "x", "1.5", "1e3", "9223372036854775808",
                           "-9223372036854775809", "0x", "0b2", "08", "10s", " 1", "--1", "-+1"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, ReadsGosDurations) {
  struct Case {
    const char* text;
    Duration value;
    bool has_unit;
  };
  for (const Case& c :
       {Case{"10s", 10s, true}, Case{"1h30m", 90min, true}, Case{"300ms", 300ms, true},
        Case{"1.5s", 1500ms, true}, Case{".5s", 500ms, true}, Case{"1.h", 1h, true},
        Case{"2h45m30.5s", 2h + 45min + 30s + 500ms, true}, Case{"-1s", -1s, true},
        Case{"+1s", 1s, true}, Case{"7us", 7us, true}, Case{"7µs", 7us, true},
        Case{"7μs", 7us, true}, Case{"9ns", 9ns, true}, Case{"1m1s", 61s, true},
        Case{"0.1h", 6min, true}, Case{"0", 0ns, false}, Case{"10", 10ns, false},
        Case{"-1", -1ns, false}, Case{"1.00000000000000000001s", 1s, true}}) {
    const auto parsed = parse_duration(c.text);
    ASSERT_TRUE(parsed.has_value()) << c.text;
    EXPECT_EQ(parsed->value, c.value) << c.text;
    EXPECT_EQ(parsed->has_unit, c.has_unit) << c.text;
  }
  for (const char* text : {"", "s", "-", ".s", "1", "10 s", "1x", "1s ", "1d", "s1", "1h-2m",
                           "2562048h", "99999999999999999999s", "1.5"}) {
    if (std::string_view(text) == "1") continue;
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(FormatDuration, IsReadBackExactly) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(168h), "168h");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(1500ms), "1s500ms");
  EXPECT_EQ(format_duration(-3s), "-3s");
  for (const Duration value : {Duration(1), Duration(-1), Duration(1'234'567'890'123),
                               Duration::max(), Duration::min(), Duration(3'600'000'000'001)}) {
    const auto parsed = parse_duration(format_duration(value));
    ASSERT_TRUE(parsed.has_value()) << format_duration(value);
    EXPECT_EQ(parsed->value, value);
  }
}

TEST(ParseBytes, ReadsSizes) {
  EXPECT_THAT(parse_bytes("0"), Optional(0u));
  EXPECT_THAT(parse_bytes("5242880"), Optional(5'242'880u));
  EXPECT_THAT(parse_bytes("10MiB"), Optional(10u << 20));
  EXPECT_THAT(parse_bytes("10 MiB"), Optional(10u << 20));
  EXPECT_THAT(parse_bytes("1GiB"), Optional(1u << 30));
  EXPECT_THAT(parse_bytes("64KiB"), Optional(65'536u));
  EXPECT_THAT(parse_bytes("2kB"), Optional(2'000u));
  EXPECT_THAT(parse_bytes("3MB"), Optional(3'000'000u));
  EXPECT_THAT(parse_bytes("7B"), Optional(7u));
  for (const char* text : {"", "-1", "MiB", "1.5MiB", "10mb", "99999999999GiB", "1 0"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(CheckAddress, WantsHostAndPort) {
  for (const char* text : {":5000", "127.0.0.1:5000", "localhost:0", "[::1]:443",
                           "[fe80::1%eth0]:80", "registry.example.com:65535"}) {
    EXPECT_FALSE(check_listen_address(text)) << text;
  }
  for (const char* text : {"5000", "localhost", ":", ":65536", ":-1", "::1:5000", "http://a:80",
                           "a b:80", "[]:80", ":5000x", "[::1]5000"}) {
    EXPECT_TRUE(check_listen_address(text)) << text;
  }
  EXPECT_TRUE(check_address(":6379"));
  EXPECT_FALSE(check_redis_address("/run/redis.sock"));
}

TEST(CheckUrl, WantsSchemeAndHost) {
  for (const char* text : {"https://registry.example.com", "http://127.0.0.1:5000",
                           "https://h/path/", "http://[::1]:80/"}) {
    EXPECT_FALSE(check_url(text)) << text;
  }
  for (const char* text : {"registry.example.com", "https://", "ftp://h", "https:///path",
                           "https://h?x", "https://h#x", "https://user@h", "https://h:99999"}) {
    EXPECT_TRUE(check_url(text)) << text;
  }
  EXPECT_FALSE(check_endpoint("sos-ch-dk-2.exo.io"));
  EXPECT_FALSE(check_endpoint("127.0.0.1:7070"));
  EXPECT_FALSE(check_endpoint("https://sos-ch-dk-2.exo.io"));
  EXPECT_TRUE(check_endpoint("sos ch"));
}

TEST(CheckPrefix, WantsSlashesAtBothEnds) {
  EXPECT_FALSE(check_prefix("/"));
  EXPECT_FALSE(check_prefix("/my/registry/"));
  for (const char* text : {"my/", "/my", "//", "/a//b/", "/a b/", "/a%2f/"}) {
    EXPECT_TRUE(check_prefix(text)) << text;
  }
}

TEST(CheckRegex, WantsOneThatTheRegistryCanUse) {
  for (const char* text :
       {"^https?://([^/]+\\.)*example\\.com/", ".*", "a|b", "(?:x)", "(?i)a", "\\pL"}) {
    EXPECT_FALSE(check_regex(text)) << text;
  }
  for (const char* text : {"(", "[a", "*", "(?=a)", "(a)\\1", "a{2,1}"})
    EXPECT_TRUE(check_regex(text)) << text;
  EXPECT_FALSE(check_regex(std::string(250, '(') + std::string(250, ')')));
  EXPECT_TRUE(check_regex(std::string(4097, 'a')));
  EXPECT_TRUE(check_regex("((((a{99}){99}){99}){99})"));  // too large to be compiled
}

TEST(Nearest, FindsTypos) {
  const std::vector<std::string_view> names = {"addr", "net", "secret", "draintimeout", "db"};
  EXPECT_EQ(nearest("adr", names), "addr");
  EXPECT_EQ(nearest("ADDR", names), "addr");
  EXPECT_EQ(nearest("scecret", names), "secret");
  EXPECT_EQ(nearest("secrte", names), "secret");
  EXPECT_EQ(nearest("drain_time_out", names), "draintimeout");
  EXPECT_EQ(nearest("drain", names), "draintimeout");
  EXPECT_EQ(nearest("address", names), "addr");
  EXPECT_EQ(nearest("dra", names), "");
  EXPECT_EQ(nearest("xyz", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(1000, 'a'), names), "");
}

TEST(HideUserinfo, LeavesSchemeAndHost) {
  EXPECT_EQ(hide_userinfo("https://u:p@h/x@y"), "https://***@h/x@y");
  EXPECT_EQ(hide_userinfo("https://u:p@q@h"), "https://***@h");
  EXPECT_EQ(hide_userinfo("https://h/x@y"), "https://h/x@y");
  EXPECT_EQ(hide_userinfo("a@b"), "a@b");
  EXPECT_EQ(hide_userinfo(""), "");
}

TEST(InQuotes, HidesControlCharactersAndCutsLongText) {
  EXPECT_EQ(in_quotes("a\x1b[31mb\n"), "\"a?[31mb?\"");
  EXPECT_LE(in_quotes(std::string(1000, 'x')).size(), 90u);
  EXPECT_EQ(printable("ä\xff\xc2\x9b"
                      "b"),
            "ä??b");  // no UTF-8, and C1's control sequence
  // The cut does not leave half a character.
  std::string umlauts = "x";
  for (int i = 0; i < 100; ++i) umlauts += "ä";
  EXPECT_TRUE(is_utf8(printable(umlauts)));
}

}  // namespace
}  // namespace bunker::config
