#include "registryd/core/names.h"

#include <regex>

#include <gtest/gtest.h>

#include "registryd/core/errors.h"

namespace bunker::registry {
namespace {

TEST(RepositoryName, AcceptsTheGrammar) {
  for (const char* text : {"a", "0", "alpine", "library/alpine", "a/b/c/d", "a.b", "a_b", "a__b",
                           "a-b", "a---b", "a-b.c_d__e/f0", "1.2.3"}) {
    const auto name = RepositoryName::parse(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->str(), text);
  }
  EXPECT_TRUE(RepositoryName::parse(std::string(255, 'a')));
}

TEST(RepositoryName, RefusesTheRest) {
  const std::string bad[] = {"",
                             "/",
                             "a/",
                             "/a",
                             "a//b",
                             "A",
                             "a.",
                             ".a",
                             "_a",
                             "a_",
                             "a-",
                             "-a",
                             "a..b",
                             "a___b",
                             "a._b",
                             "a-_b",
                             "a b",
                             "a\nb",
                             "a/../b",
                             "..",
                             ".",
                             "a/_uploads",
                             "ä",
                             "a%2fb",
                             std::string("a\0b", 3),
                             std::string(256, 'a')};
  for (const std::string& text : bad) {
    const auto name = RepositoryName::parse(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code, Code::invalid);
    EXPECT_EQ(name.error().reason, reason::kNameInvalid);
  }
}

// Every string of up to five characters over the alphabet that matters, against the spec's regular
// expression.
TEST(RepositoryName, AgreesWithTheSpecsExpression) {
  const std::regex grammar(
      "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*");
  constexpr std::string_view kAlphabet = "a._-/";
  std::vector<std::string> texts{""};
  for (std::size_t at = 0; at < texts.size(); ++at) {
    const std::string text = texts[at];
    EXPECT_EQ(RepositoryName::parse(text).has_value(), std::regex_match(text, grammar)) << text;
    if (text.size() == 5) continue;
    for (const char c : kAlphabet) texts.push_back(text + c);
  }
}

TEST(Tag, AcceptsTheGrammar) {
  for (const char* text : {"a", "latest", "v1.2.3", "_x", "A-B", "1", "sha256-abc.sig", "a..b"}) {
    const auto tag = Tag::parse(text);
    ASSERT_TRUE(tag) << text;
    EXPECT_EQ(tag->str(), text);
  }
  EXPECT_TRUE(Tag::parse(std::string(128, 'a')));
}

TEST(Tag, RefusesTheRest) {
  const std::string bad[] = {"",
                             ".",
                             "..",
                             ".a",
                             "-a",
                             "a/b",
                             "a b",
                             "a+b",
                             "a:b",
                             "ä",
                             std::string("a\0", 2),
                             std::string(129, 'a')};
  for (const std::string& text : bad) {
    const auto tag = Tag::parse(text);
    ASSERT_FALSE(tag) << text;
    EXPECT_EQ(tag.error().reason, reason::kTagInvalid);
  }
}

TEST(Reference, IsADigestWhereItHoldsAColon) {
  const Digest digest = Digest::of(Algorithm::sha256, "x");
  const auto by_digest = parse_reference(digest.str());
  ASSERT_TRUE(by_digest);
  EXPECT_TRUE(std::holds_alternative<Digest>(*by_digest));
  EXPECT_EQ(to_string(*by_digest), digest.str());

  // The fallback tag of a digest is a tag like any other.
  const std::string fallback = "sha256-" + std::string(digest.hex());
  const auto by_tag = parse_reference(fallback);
  ASSERT_TRUE(by_tag);
  EXPECT_TRUE(std::holds_alternative<Tag>(*by_tag));
  EXPECT_EQ(to_string(*by_tag), fallback);

  const auto bad_digest = parse_reference("sha256:baddigeststring");
  ASSERT_FALSE(bad_digest);
  EXPECT_EQ(bad_digest.error().reason, reason::kDigestInvalid);
  const auto bad_tag = parse_reference("-x");
  ASSERT_FALSE(bad_tag);
  EXPECT_EQ(bad_tag.error().reason, reason::kTagInvalid);
}

}  // namespace
}  // namespace bunker::registry
