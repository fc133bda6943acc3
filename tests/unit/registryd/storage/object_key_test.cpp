#include "registryd/storage/object_key.h"

#include <chrono>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace bunker::storage {
namespace {

TEST(ObjectKey, WellFormedKeysPass) {
  for (const std::string& key :
       {std::string("a"), std::string("a/b"), std::string("..."), std::string(".a/b."),
        std::string("a/.../b"), std::string(" "), std::string(1024, 'k'), std::string("\xff")}) {
    EXPECT_TRUE(check_key(key)) << key;
  }
}

TEST(ObjectKey, MalformedKeysAreInvalid) {
  for (const std::string& key :
       {std::string(), std::string("/"), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("."), std::string(".."), std::string("a/."), std::string("./a"),
        std::string("a/../b"), std::string("a\0b", 3), std::string(1025, 'k')}) {
    const auto checked = check_key(key);
    ASSERT_FALSE(checked) << key;
    EXPECT_EQ(checked.error().code, Code::invalid);
  }
}

TEST(ObjectKey, RangesStayWithinTheObject) {
  const auto property = [](std::uint64_t size, std::uint64_t offset, std::uint64_t length,
                           bool has_length, bool is_suffix) {
    ByteRange range;
    if (is_suffix) {
      range.suffix = length;
    } else {
      range.offset = offset;
      if (has_length) range.length = length;
    }
    const auto extent = resolve_range(range, size);
    if (!extent) {
      RC_ASSERT(extent.error().code == Code::out_of_range);
      return;
    }
    RC_ASSERT(extent->offset <= size);
    RC_ASSERT(extent->length <= size - extent->offset);
    RC_ASSERT(extent->length > 0 || size == 0);
    if (is_suffix) RC_ASSERT(extent->offset + extent->length == size);
  };
  EXPECT_TRUE(rc::check("any range of any size", property));
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(resolve_range({.offset = 1, .length = kMost}, kMost)->length, kMost - 1);
}

TEST(ObjectKey, TokensAreParsedBack) {
  const auto property = [](std::uint64_t offset) {
    offset >>= 1;
    const UploadToken token = make_upload_token(offset);
    const auto parsed = parse_upload_token(token.text);
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(parsed->offset == offset);
    RC_ASSERT(parsed->text == token.text);
    RC_ASSERT(check_key(token.text).has_value());
  };
  EXPECT_TRUE(rc::check("any offset", property));
  EXPECT_NE(make_upload_token(0).text, make_upload_token(0).text);
}

TEST(ObjectKey, OnlyWholeTokensAreParsed) {
  const std::string hex(32, 'a');
  EXPECT_TRUE(parse_upload_token(hex + "-0"));
  for (const std::string& text :
       {std::string(), hex, hex + '-', hex + "-01", hex + "--1", hex + "-+1", hex + "-1 ",
        hex + "-1/", hex + "-0x1", hex.substr(1) + "-1", 'a' + hex + "-1",
        std::string(32, 'A') + "-1", std::string(32, '.') + "-1", hex + "-99999999999999999999",
        hex + "_1"}) {
    EXPECT_FALSE(parse_upload_token(text)) << text;
  }
}

TEST(ObjectKey, ATokenIsOfOneOffset) {
  const UploadToken token = make_upload_token(7);
  EXPECT_TRUE(check_upload_token(token.text, 7));
  EXPECT_EQ(check_upload_token(token.text, 8).error().code, Code::out_of_range);
  EXPECT_EQ(check_upload_token("nonsense", 7).error().code, Code::not_found);
}

TEST(ObjectKey, ADeadlineIsObeyedOnceItHasPassed) {
  Context context;
  EXPECT_TRUE(check_deadline(context));
  context.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_TRUE(check_deadline(context));
  context.deadline = std::chrono::steady_clock::now() - std::chrono::nanoseconds(1);
  EXPECT_EQ(check_deadline(context).error().code, Code::retry_later);
}

}  // namespace
}  // namespace bunker::storage
