#include "certsidecar/duration.h"

#include <gtest/gtest.h>

namespace bunker::certsidecar {
namespace {

TEST(Duration, IsReadAsItIsWritten) {
  EXPECT_EQ(parse_duration("90d"), std::chrono::days(90));
  EXPECT_EQ(parse_duration("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(parse_duration("0s"), std::chrono::seconds(0));
  for (const auto* text : {"", "d", "90", "-1d", "1w", "1d ", "1.5h", "99999999999999999999d",
                           "300000d", "73000d73000d"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(Duration, IsShownInItsLargestUnit) {
  EXPECT_EQ(format_duration(std::chrono::days(90)), "90d");
  EXPECT_EQ(format_duration(std::chrono::hours(36)), "36h");
  EXPECT_EQ(format_duration(std::chrono::seconds(119)), "119s");
}

}  // namespace
}  // namespace bunker::certsidecar
