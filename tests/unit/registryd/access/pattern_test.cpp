#include "registryd/access/pattern.h"

#include <functional>
#include <random>

#include <gtest/gtest.h>

namespace bunker::access {
namespace {

TEST(MatchesTextTest, AStarStandsForAnyCharacters) {
  EXPECT_TRUE(matches_text("", ""));
  EXPECT_TRUE(matches_text("*", ""));
  EXPECT_TRUE(matches_text("ci-*", "ci-"));
  EXPECT_TRUE(matches_text("ci-*", "ci-build"));
  EXPECT_TRUE(matches_text("*.ci.example", "a.b.ci.example"));
  EXPECT_TRUE(matches_text("a*b*c", "aXbYbZc"));
  EXPECT_TRUE(matches_text("**a", "bba"));
  EXPECT_FALSE(matches_text("", "x"));
  EXPECT_FALSE(matches_text("ci-*", "ci"));
  EXPECT_FALSE(matches_text("ci", "ci-build"));
  EXPECT_FALSE(matches_text("a*b", "abc"));
  EXPECT_FALSE(matches_text("CI", "ci"));
}

TEST(MatchesTextTest, TakesNoLongerForHostilePatterns) {
  const std::string text(200'000, 'a');
  EXPECT_FALSE(matches_text("*a*a*a*a*a*a*a*a*a*a*b", text));
}

RepositoryPattern pattern(const std::string& text) {
  auto parsed = RepositoryPattern::parse(text);
  EXPECT_TRUE(parsed) << to_string(parsed.error());
  return *std::move(parsed);
}

TEST(RepositoryPatternTest, Matches) {
  struct Case {
    std::string pattern;
    std::vector<std::string> yes, no;
  };
  const std::vector<Case> cases = {
      {"app", {"app"}, {"apps", "app/x", "x/app", ""}},
      {"team/*", {"team/a", "team/a-b"}, {"team", "team/a/b", "teams/a"}},
      {"team/**", {"team/a", "team/a/b/c"}, {"team", "teams/a", "x/team/a"}},
      {"**", {"a", "a/b", "a/b/c"}, {}},
      {"*", {"a"}, {"a/b"}},
      {"**/base", {"base", "a/base", "a/b/base"}, {"base/a", "database"}},
      {"a/**/z", {"a/z", "a/b/z", "a/b/c/z"}, {"a", "a/b", "az"}},
      {"a-*/*-b/**", {"a-1/2-b/x", "a-/-b/x/y"}, {"a-1/2-b", "a/2-b/x"}},
      {"**/x/**", {"x/a", "b/x/a", "x/x/x"}, {"x", "a/x"}},
  };
  for (const Case& row : cases) {
    for (const std::string& name : row.yes) {
      EXPECT_TRUE(pattern(row.pattern).matches(name)) << row.pattern << " " << name;
    }
    for (const std::string& name : row.no) {
      EXPECT_FALSE(pattern(row.pattern).matches(name)) << row.pattern << " " << name;
    }
  }
}

TEST(RepositoryPatternTest, KnowsWhichFoldersAreWorthALook) {
  EXPECT_TRUE(pattern("team/*").may_match_below("team"));
  EXPECT_FALSE(pattern("team/*").may_match_below("team/a"));
  EXPECT_FALSE(pattern("team/*").may_match_below("other"));
  EXPECT_TRUE(pattern("team/**").may_match_below("team/a/b"));
  EXPECT_FALSE(pattern("app").may_match_below("app"));
  EXPECT_TRUE(pattern("**/base").may_match_below("any/thing"));
}

TEST(RepositoryPatternTest, RefusesWhatCanMatchNothing) {
  for (const char* const text : {"", "/", "/a", "a/", "a//b", "Team/*", "a b", "a**", "**b/c",
                                 "a:b", "a?", "[a]", "\n", "ä"}) {
    const auto parsed = RepositoryPattern::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid);
    EXPECT_FALSE(parsed.error().detail.empty()) << text;
  }
  EXPECT_FALSE(RepositoryPattern::parse(std::string(256, 'a')));
  std::string deep = "a";
  for (int i = 0; i < 62; ++i) deep += "/a";
  EXPECT_FALSE(RepositoryPattern::parse(deep));
}

// Against the definition, written as plainly as can be.
bool slow_match(const std::vector<std::string>& pattern, std::size_t p,
                const std::vector<std::string>& name, std::size_t n) {
  if (p == pattern.size()) return n == name.size();
  if (pattern[p] == "**") {
    const std::size_t least = p + 1 == pattern.size() ? 1 : 0;
    for (std::size_t count = least; n + count <= name.size(); ++count) {
      if (slow_match(pattern, p + 1, name, n + count)) return true;
    }
    return false;
  }
  return n < name.size() && matches_text(pattern[p], name[n]) &&
         slow_match(pattern, p + 1, name, n + 1);
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "/") + part;
  return out;
}

TEST(RepositoryPatternTest, AgreesWithTheDefinition) {
  std::mt19937 random(7);
  const auto pick = [&random](const std::vector<std::string>& from, std::size_t most) {
    std::vector<std::string> out(1 + random() % most);
    for (std::string& part : out) part = from[random() % from.size()];
    return out;
  };
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto parts = pick({"a", "b", "ab", "*", "**", "a*", "*b"}, 5);
    const auto name = pick({"a", "b", "ab", "ba"}, 6);
    const RepositoryPattern tried = pattern(join(parts));
    const bool wanted = slow_match(parts, 0, name, 0);
    matched += wanted ? 1 : 0;
    ASSERT_EQ(tried.matches(join(name)), wanted) << join(parts) << " " << join(name);
    if (!wanted) continue;
    // No folder on the way to a match is skipped.
    for (std::size_t depth = 1; depth < name.size(); ++depth) {
      const std::vector<std::string> folder(name.begin(),
                                            name.begin() + static_cast<std::ptrdiff_t>(depth));
      ASSERT_TRUE(tried.may_match_below(join(folder))) << join(parts) << " " << join(folder);
    }
  }
  EXPECT_GT(matched, 1000);
}

TEST(TagPatternTest, HoldsWhatTagsHoldAndStars) {
  EXPECT_EQ(parse_tag_pattern("v*.2_x-Y").value_or(""), "v*.2_x-Y");
  for (const char* const text : {"", "a/b", "a b", "v?", "v:1"}) {
    EXPECT_FALSE(parse_tag_pattern(text)) << text;
  }
}

}  // namespace
}  // namespace bunker::access
