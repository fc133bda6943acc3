#include "operator/api/duration.h"

#include <gtest/gtest.h>

namespace bunker::v1alpha1 {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsReadAsGoWritesIt) {
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("1ms500us"), 1ms);
  EXPECT_EQ(parse_duration("87600h"), 87600h);
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text :
       {"", "5", "s", "1d", "1h2", "-1s", " 1s", "1 s", "9999999999h", "1.2.3s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, TooLongCountsAsTheLongest) {
  EXPECT_GT(duration_of("9999999999h"), 24h * 365 * 200);
}

}  // namespace
}  // namespace bunker::v1alpha1
