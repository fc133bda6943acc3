#include "operator/plan/difference.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bunker::op {
namespace {

bool differ(const char* wanted, const char* observed) {
  return differs(*kube::Object::parse(wanted), *kube::Object::parse(observed));
}

TEST(Difference, WhatTheApiServerAddsIsNone) {
  EXPECT_FALSE(differ(R"({"a":1})", R"({"a":1,"b":2})"));
  EXPECT_FALSE(differ(R"({"a":[],"b":{},"c":null,"d":""})", R"({})"));
  EXPECT_FALSE(differ(R"({"cpu":"1000m","memory":"1024Mi","n":2})",
                      R"({"cpu":"1","memory":"1Gi","n":"2"})"));
  EXPECT_FALSE(differ(R"({"l":[{"name":"a","x":1}]})",
                      R"({"l":[{"name":"other"},{"name":"a","x":1,"y":2}]})"));
}

TEST(Difference, WhatIsMissingOrOtherIsOne) {
  EXPECT_TRUE(differ(R"({"a":1})", R"({})"));
  EXPECT_TRUE(differ(R"({"a":1})", R"({"a":2})"));
  EXPECT_TRUE(differ(R"({"a":"x"})", R"({"a":"y"})"));
  EXPECT_TRUE(differ(R"({"cpu":"1"})", R"({"cpu":"1100m"})"));
  EXPECT_TRUE(differ(R"({"l":[1,2]})", R"({"l":[2,1]})"));
  EXPECT_TRUE(differ(R"({"l":[1]})", R"({"l":[1,2]})"));
  EXPECT_TRUE(differ(R"({"l":[{"name":"a"}]})", R"({"l":[{"name":"b"}]})"));
  EXPECT_TRUE(differ(R"({"a":{"b":1}})", R"({"a":[]})"));
}

TEST(Difference, AFieldThatIsNoLongerWantedIsOne) {
  const kube::Object before = sealed(*kube::Object::parse(R"({"metadata":{"name":"a"},"x":1})"));
  const kube::Object now = sealed(*kube::Object::parse(R"({"metadata":{"name":"a"}})"));
  EXPECT_TRUE(differs(now, before));
  EXPECT_FALSE(differs(before, before));
}

}  // namespace
}  // namespace bunker::op
