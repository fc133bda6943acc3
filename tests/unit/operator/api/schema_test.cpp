#include "operator/api/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bunker::v1alpha1 {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = R"({"type":"object","required":["name"],"properties":{
  "name":{"type":"string","pattern":"^[a-z]+$","minLength":2,"maxLength":4},
  "count":{"type":"integer","minimum":1,"maximum":3,"default":2},
  "on":{"type":"boolean"},
  "kind":{"type":"string","enum":["A","B"],"default":"A"},
  "port":{"anyOf":[],"x-kubernetes-int-or-string":true},
  "inner":{"type":"object","default":{},"properties":{"x":{"type":"string","default":"d"}}},
  "bare":{"type":"object","properties":{"x":{"type":"string","default":"d"}}},
  "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
  "labels":{"type":"object","additionalProperties":{"type":"string"}},
  "set":{"type":"array","maxItems":3,"x-kubernetes-list-type":"set","items":{"type":"string"}},
  "by":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
        "items":{"type":"object","properties":{"name":{"type":"string"}}}},
  "at":{"type":"string","format":"date-time"}}})";

std::vector<std::string> problems(const char* text) {
  std::vector<std::string> out;
  for (const Problem& each : Schema(kSchema).check(json::parse(text))) {
    out.push_back(each.path + ": " + each.message);
  }
  return out;
}

TEST(Schema, FillsInDefaultsAtEveryDepth) {
  json value = json::parse(R"({"name":"ab","bare":{},"count":null})");
  Schema(kSchema).apply_defaults(value);
  EXPECT_EQ(value, json::parse(R"({"name":"ab","count":2,"kind":"A","inner":{"x":"d"},
                                   "bare":{"x":"d"}})"));
  json again = value;
  Schema(kSchema).apply_defaults(again);
  EXPECT_EQ(again, value);
}

TEST(Schema, TakesWhatFits) {
  EXPECT_THAT(problems(R"({"name":"ab","port":"25%","free":{"x":[1]},"labels":{"a":"b"},
                           "set":["a","b"],"by":[{"name":"a"}],"at":"2026-11-24T08:00:00Z",
                           "metadata":{"name":"x"},"apiVersion":"v1","kind":"A"})"),
              testing::IsEmpty());
}

TEST(Schema, SaysWhatDoesNotFit) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "name: is required"},
      {R"({"name":1})", "name: must be a string, not integer"},
      {R"({"name":"a"})", "name: must have at least 2 characters"},
      {R"({"name":"abcde"})", "name: must have at most 4 characters"},
      {R"({"name":"ab1"})", "name: must match ^[a-z]+$"},
      {R"({"name":"ab","count":0})", "count: must be at least 1"},
      {R"({"name":"ab","count":18446744073709551615})", "count: must be at most 3"},
      {R"({"name":"ab","count":1.5})", "count: must be an integer, not number"},
      {R"({"name":"ab","on":"true"})", "on: must be true or false, not string"},
      {R"({"name":"ab","kind":"C"})", "kind: must be one of A, B, not C"},
      {R"({"name":"ab","port":true})", "port: must be a number or a string, not boolean"},
      {R"({"name":"ab","inner":[]})", "inner: must be an object, not array"},
      {R"({"name":"ab","inner":{"y":1}})",
       "inner.y: is not a field: see kubectl explain, or docs/registry-resource.md"},
      {R"({"name":"ab","labels":{"a":1}})", "labels.a: must be a string, not integer"},
      {R"({"name":"ab","set":["a","a"]})", "set[1]: is there twice"},
      {R"({"name":"ab","set":["a","b","c","d"]})", "set: must have at most 3 entries"},
      {R"({"name":"ab","by":[{"name":"a"},{"name":"a"}]})", "by[1]: has the same name as another"},
      {R"({"name":"ab","at":"today"})", "at: must be an RFC 3339 time"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(problems(text), testing::ElementsAre(expected)) << text;
  }
  EXPECT_THAT(problems("[]"), testing::ElementsAre("the resource: must be an object, not array"));
}

TEST(Schema, StopsAfterAHundredProblems) {
  json value = {{"name", "ab"}};
  for (int i = 0; i < 1000; ++i) value["labels"]["a" + std::to_string(i)] = i;
  EXPECT_LE(Schema(kSchema).check(value).size(), 100u);
}

}  // namespace
}  // namespace bunker::v1alpha1
