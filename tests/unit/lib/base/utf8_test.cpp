#include "lib/base/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace bunker {
namespace {

TEST(Utf8Test, DecodesEveryLength) {
  const std::tuple<std::string_view, std::size_t, char32_t> cases[] = {
      {"a", 1, U'a'},
      {{"\0", 1}, 1, 0},
      {"\x7f", 1, 0x7f},
      {"\xc2\x80", 2, 0x80},
      {"\xdf\xbf", 2, 0x7ff},
      {"\xe0\xa0\x80", 3, 0x800},
      {"\xed\x9f\xbf", 3, 0xd7ff},
      {"\xee\x80\x80", 3, 0xe000},
      {"\xef\xbf\xbf", 3, 0xffff},
      {"\xf0\x90\x80\x80", 4, 0x10000},
      {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
  };
  for (const auto& [text, length, code_point] : cases) {
    char32_t decoded = 1;
    EXPECT_EQ(decode_utf8(std::string(text) + "rest", decoded), length);
    EXPECT_EQ(decoded, code_point);
    EXPECT_TRUE(is_utf8(text));
  }
}

TEST(Utf8Test, RefusesWhatRfc3629Forbids) {
  // Overlong forms, surrogates, beyond U+10FFFF, stray and missing continuation bytes.
  for (const std::string_view bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc2", "\xe2\x82",
        "\xf0\x9f\x98", "\xc2\x20", "\xe2\x82\x20"}) {
    char32_t ignored = 0;
    EXPECT_EQ(decode_utf8(bad, ignored), 0u);
    EXPECT_FALSE(is_utf8("ok " + std::string(bad)));
  }
  char32_t ignored = 0;
  EXPECT_EQ(decode_utf8("", ignored), 0u);
  EXPECT_TRUE(is_utf8(""));
}

}  // namespace
}  // namespace bunker
