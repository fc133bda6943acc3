#include "registryd/config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bunker::config {
namespace {

using namespace std::string_view_literals;
using testing::HasSubstr;

struct Parsed {
  std::optional<Node> root;
  std::vector<Finding> findings;
};

Parsed parse(std::string_view text) {
  Parsed parsed;
  parsed.root =
      parse_yaml(text, std::make_shared<const std::string>("f.yml"), true, parsed.findings);
  return parsed;
}

// Cannot be read at all; the one finding's message, with its place.
Finding parse_bad(std::string_view text) {
  const Parsed parsed = parse(text);
  EXPECT_FALSE(parsed.root.has_value());
  return parsed.findings.size() == 1 ? parsed.findings[0] : Finding{.message = "not one finding"};
}

TEST(ParseYaml, KeepsPlaces) {
  const Parsed parsed = parse("a:\n  b: [x, y]\n  c: \"q\"\n");
  ASSERT_TRUE(parsed.root);
  const Node* b = find_path(*parsed.root, "a.b");
  ASSERT_NE(b, nullptr);
  ASSERT_EQ(b->items.size(), 2u);
  EXPECT_EQ(b->items[1].text, "y");
  EXPECT_EQ(b->items[1].at.line, 2);
  EXPECT_EQ(b->items[1].at.column, 10);
  const Node* c = find_path(*parsed.root, "a.c");
  EXPECT_TRUE(c->quoted);
  EXPECT_EQ(c->at.line, 3);
  EXPECT_EQ(*c->at.source, "f.yml");
}

TEST(ParseYaml, EmptyIsNothing) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "\xEF\xBB\xBF"}) {
    const Parsed parsed = parse(text);
    ASSERT_TRUE(parsed.root) << text;
    EXPECT_EQ(parsed.root->kind, Node::Kind::null) << text;
  }
}

TEST(ParseYaml, ReadsAliasesAndMergeKeys) {
  const Parsed parsed = parse(R"(
base: &base {interval: 10s, threshold: 3}
one: *base
two: {<<: *base, threshold: 5}
three:
  <<: [*base, {extra: 1, interval: 1s}]
)");
  ASSERT_TRUE(parsed.root);
  EXPECT_TRUE(parsed.findings.empty());
  EXPECT_EQ(find_path(*parsed.root, "one.interval")->text, "10s");
  EXPECT_EQ(find_path(*parsed.root, "two.threshold")->text, "5");
  EXPECT_EQ(find_path(*parsed.root, "two.interval")->text, "10s");
  EXPECT_EQ(find_path(*parsed.root, "three.interval")->text, "10s");
  EXPECT_EQ(find_path(*parsed.root, "three.extra")->text, "1");
}

TEST(ParseYaml, ReportsEachDuplicateAndReadsOn) {
  const Parsed parsed = parse("a: 1\nb: 2\na: 3\nb: 4\n");
  ASSERT_TRUE(parsed.root);
  ASSERT_EQ(parsed.findings.size(), 2u);
  EXPECT_EQ(parsed.findings[0].line, 3);
  EXPECT_THAT(parsed.findings[0].message, HasSubstr("\"a\" is there twice"));
  EXPECT_THAT(parsed.findings[0].remedy, HasSubstr("line 1"));
  EXPECT_EQ(find_path(*parsed.root, "a")->text, "1");
}

TEST(ParseYaml, RefusesWhatIsNotText) {
  const Finding nul = parse_bad("a: b\nc: \0d\n"sv);
  EXPECT_EQ(nul.line, 2);
  EXPECT_EQ(nul.column, 4);
  EXPECT_THAT(nul.message, HasSubstr("NUL"));
  EXPECT_THAT(parse_bad("a: \x1b[31m\n").message, HasSubstr("control character"));
  for (const char* bad : {"a: \xff\n", "a: \xc0\xaf\n", "a: \xed\xa0\x80\n",
                          "a: \xf4\x90\x80\x80\n", "a: \xe2\x82", "a: \x80\n"}) {
    const Finding finding = parse_bad(bad);
    EXPECT_THAT(finding.message, HasSubstr("not UTF-8"));
    EXPECT_EQ(finding.column, 4);
  }
  EXPECT_TRUE(parse("a: \xe2\x82\xac \xf0\x9f\x90\x8b\n").root);
}

TEST(ParseYaml, RefusesBrokenYamlWithItsPlace) {
  const Finding tab = parse_bad("a:\n\tb: 1\n");
  EXPECT_EQ(tab.line, 2);
  for (const char* bad :
       {"a: [1, 2\n", "a: {b: 1\n", "a: 'x\n", "a: 'x", "a: \"x\n\n", "a: b: c\n", "a: *nobody\n",
        "%YAML 3.0\n---\na: 1\n", "a: \"\\q\"\n", "]", "a: }\n"}) {
    const Finding finding = parse_bad(bad);
    EXPECT_THAT(finding.message, HasSubstr("not YAML")) << bad;
    EXPECT_GT(finding.line, 0) << bad;
  }
}

TEST(ParseYaml, RefusesOddKeys) {
  EXPECT_THAT(parse_bad("? [a, b]\n: 1\n").message, HasSubstr("a key must be one word"));
  EXPECT_THAT(parse_bad("? {a: b}\n: 1\n").message, HasSubstr("a key must be one word"));
  EXPECT_THAT(parse_bad(": 1\n").message, HasSubstr("a key is empty"));
  EXPECT_THAT(parse_bad("~: 1\n").message, HasSubstr("a key is empty"));
}

TEST(ParseYaml, BoundsDepthSizeAndExpansion) {
  std::string deep = "a: ";
  deep += std::string(1000, '[') + std::string(1000, ']');
  EXPECT_THAT(parse_bad(deep).message, HasSubstr("nested deeper than 32"));

  const std::string very_deep = "a: " + std::string(400'000, '[') + std::string(400'000, ']');
  EXPECT_THAT(parse_bad(very_deep).message, HasSubstr("nested deeper than 32"));
  EXPECT_FALSE(parse("a: " + std::string(500'000, '[')).root);
  EXPECT_FALSE(parse("a: " + std::string(500'000, '{')).root);

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", " : "") + last;
    bomb += "]\n";
  }
  EXPECT_THAT(parse_bad(bomb).message, HasSubstr("more than 10000 values"));

  EXPECT_THAT(parse_bad("a: " + std::string(kMaxYamlBytes, 'x')).message,
              HasSubstr("is larger than"));
  EXPECT_THAT(parse_bad("a: &a [*a]\n").message, HasSubstr("inside the value that it names"));
}

TEST(ParseYaml, RefusesTwoDocuments) {
  const Finding finding = parse_bad("a: 1\n---\nb: 2\n");
  EXPECT_EQ(finding.line, 3);
  EXPECT_THAT(finding.message, HasSubstr("second YAML document"));
  EXPECT_THAT(parse_bad("- a\nb: 1\n").message, HasSubstr("second YAML document"));
  EXPECT_TRUE(parse("---\na: 1\n...\n").root);
}

TEST(ParseYaml, KnowsTagsOfPlainTypesOnly) {
  const Parsed text = parse("a: !!str 5\n");
  ASSERT_TRUE(text.root);
  EXPECT_TRUE(find_path(*text.root, "a")->quoted);
  const Parsed odd = parse("a: !mine 5\n");
  ASSERT_EQ(odd.findings.size(), 1u);
  EXPECT_THAT(odd.findings[0].message, HasSubstr("the tag \"!mine\""));
}

TEST(PrintYaml, IsReadBackToTheSameTree) {
  const std::string nasty = "a\"b\\c\n\t\r\x01\x7f: # - {}[]";
  Node root;
  root.kind = Node::Kind::map;
  Node list;
  list.kind = Node::Kind::list;
  list.items.push_back(make_scalar(nasty, true));
  list.items.push_back(make_scalar("10s", false));
  Node inner;
  inner.kind = Node::Kind::map;
  inner.entries.push_back({"x y: z", {}, make_scalar("", true)});
  inner.entries.push_back({"<<", {}, make_scalar("not a merge", true)});
  list.items.push_back(inner);
  list.items.push_back(list);
  root.entries.push_back({"list", {}, list});
  root.entries.push_back({"nothing", {}, Node{}});
  root.entries.push_back({nasty, {}, make_scalar("true", false)});

  const std::string printed = print_yaml(root);
  const Parsed parsed = parse(printed);
  ASSERT_TRUE(parsed.root) << printed;
  EXPECT_TRUE(parsed.findings.empty()) << printed;
  EXPECT_EQ(print_yaml(*parsed.root), printed);
  EXPECT_EQ(parsed.root->find("list")->value.items[0].text, nasty);
  EXPECT_EQ(parsed.root->find(nasty)->value.text, "true");
}

}  // namespace
}  // namespace bunker::config
