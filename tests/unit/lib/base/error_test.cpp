#include <set>

#include <gtest/gtest.h>

#include "lib/base/result.h"

namespace bunker {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Code::invalid, "an odd number", "add one", "ODD");
  return number / 2;
}

Result<int> quarter(int number) {
  BUNKER_TRY_ASSIGN(const int once, half(number));
  BUNKER_TRY_ASSIGN(const int twice, half(once));
  return twice;
}

Result<void> check_quarter(int number) {
  BUNKER_TRY(quarter(number));
  return {};
}

TEST(ResultTest, MacrosPassValuesAndErrorsOn) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_TRUE(check_quarter(8));
  const auto error = check_quarter(6).error();
  EXPECT_EQ(error.code, Code::invalid);
  EXPECT_EQ(error.message, "an odd number");
  EXPECT_EQ(error.detail, "add one");
  EXPECT_EQ(error.reason, "ODD");
}

TEST(ErrorTest, TextNamesCodeMessageAndDetail) {
  EXPECT_EQ(to_string(Error(Code::not_found, "no such tag")), "not_found: no such tag");
  EXPECT_EQ(to_string(Error(Code::too_large, "body", "send less")), "too_large: body (send less)");
}

TEST(ErrorTest, EveryCodeHasAnotherName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    names.insert(to_string(static_cast<Code>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Code::internal) + 1);
}

}  // namespace
}  // namespace bunker
