#include "lib/yaml/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace bunker::yaml {
namespace {

using nlohmann::json;

json one(std::string_view text) {
  const Result<std::vector<json>> documents = read(text);
  if (!documents) throw std::runtime_error(documents.error().message);
  return documents->at(0);
}

std::string mistake(std::string_view text) {
  const Result<std::vector<json>> documents = read(text);
  return documents ? "none" : documents.error().message;
}

TEST(YamlRead, TypesPlainScalarsAsKubectlDoes) {
  const json value = one(
      "a: 1\nb: '1'\nc: yes\nd: ~\ne: 1.5\nf: 0x10\ng: text\nh: 1e3\ni: -7\nj: 010\nk: \"true\"\n"
      "l: |\n  3\n");
  EXPECT_EQ(value, json::parse(R"({"a":1,"b":"1","c":true,"d":null,"e":1.5,"f":16,"g":"text",
                                   "h":1000.0,"i":-7,"j":8,"k":"true","l":"3\n"})"));
}

TEST(YamlRead, TakesSeveralDocumentsAndSkipsEmptyOnes) {
  const auto documents = read("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n");
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->size(), 2u);
}

TEST(YamlRead, UnfoldsAliasesAndMerges) {
  EXPECT_EQ(one("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n").at("use"),
            json::parse(R"({"x":1,"y":3})"));
}

TEST(YamlRead, SaysWhereItIsWrong) {
  EXPECT_THAT(mistake("a: 1\nb: [1,\n"), testing::HasSubstr("line "));
  EXPECT_THAT(mistake("a: 1\na: 2\n"), testing::HasSubstr("line 2, column 1: the key a"));
  EXPECT_THAT(mistake("? [a]\n: 1\n"), testing::HasSubstr("a key must be a scalar"));
}

TEST(YamlRead, BoundsWhatAliasesUnfoldTo) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) text += "," + before;
    text += "]\n";
  }
  EXPECT_THAT(mistake(text), testing::HasSubstr("unfold to too much"));
}

TEST(YamlWrite, ReadsAsAPersonWouldWriteIt) {
  const nlohmann::ordered_json value = {{"name", "registry"},
                                        {"port", 5000},
                                        {"list", {{{"a", 1}, {"b", {1, 2}}}, "x: y", "true"}},
                                        {"empty", nlohmann::ordered_json::object()},
                                        {"text", "one\ntwo\n"}};
  EXPECT_EQ(
      write(value),
      "name: registry\nport: 5000\nlist:\n- a: 1\n  b:\n  - 1\n  - 2\n- \"x: y\"\n- \"true\"\n"
      "empty: {}\ntext: |\n  one\n  two\n");
}

// Strings that look like something else, and awkward ones.
rc::Gen<std::string> awkward() {
  return rc::gen::oneOf(
      rc::gen::element<std::string>(
          "", "yes", "1", "1.0", "0x1f", "~", "null", "- a", "a: b", "a #b", "#", "2026-11-24",
          "1:30", "-", "--- ", "a\nb", "a\n\nb\n", " a", "a ", "\n", "*", "&x", "!t", "%d", "@",
          "`", "{", "[", "'", "\"", "\t", "a\tb", "a:", ":", "?", "|", ">", "=", "<<", ".5", "+1",
          "1_000", "é", "a\\b", "a\r\nb", "x\n  y\n", "1e3", "0o7", "on"),
      rc::gen::container<std::string>(rc::gen::inRange<char>(32, 127)),
      rc::gen::container<std::string>(rc::gen::element('a', ' ', '\n', ':', '#', '-')));
}

RC_GTEST_PROP(YamlProperty, WhatIsWrittenIsReadBack, ()) {
  json value = json::object();
  const auto entries = *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
      rc::gen::pair(awkward(), awkward()));
  for (const auto& [key, text] : entries) {
    if (key == "<<") continue;
    value[key] = text;
    value["list"].push_back(text);
    value["nested"][key] = json::array({json{{key, text}}, json::array({text, 1}), text});
  }
  if (value.empty()) return;
  const std::string written = write(value);
  const auto back = read(written);
  if (!back) RC_FAIL(back.error().message + "\n" + written);
  RC_ASSERT(back->size() == 1u);
  RC_ASSERT(back->front() == value);
}

}  // namespace
}  // namespace bunker::yaml
