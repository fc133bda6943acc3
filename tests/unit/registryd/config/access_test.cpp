// bunker.access and the file of rules that it may name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/registryd/config/samples.h"

namespace bunker::config {
namespace {

using namespace samples;
using ::testing::HasSubstr;

TEST(Access, RulesAndImmutableTagsAreRead) {
  const Report report = check_more(R"(auth: {htpasswd: {realm: r, path: /p}}
bunker:
  access:
    rules:
      - identities: [anonymous, "user:alice"]
        repositories: ["public/**"]
        actions: [pull]
    immutable:
      - {repositories: ["**"], tags: ["v*"]}
    ping: open
  audit: changes
)");
  EXPECT_TRUE(report.ok()) << text(report);
  const Access& access = report.config.bunker.access;
  ASSERT_EQ(access.rules.size(), 1u);
  EXPECT_EQ(access.rules[0].identities, (std::vector<std::string>{"anonymous", "user:alice"}));
  ASSERT_EQ(access.immutable.size(), 1u);
  EXPECT_EQ(access.immutable[0].tags, std::vector<std::string>{"v*"});
  EXPECT_EQ(access.ping, Ping::open);
  EXPECT_EQ(report.config.bunker.audit, Audit::changes);
}

TEST(Access, MistakesAreFoundWithTheirPlace) {
  const Report report = check_more(R"(bunker: {access: {rules: [
  {identities: [alice], repositories: ["Team/*"], actions: [read]},
  {identities: [anonymous], repositories: ["**"]}], immutable: [{repositories: ["a"], tags: ["?"]}]}}
)");
  for (const char* const key :
       {"bunker.access.rules[0].identities[0]", "bunker.access.rules[0].repositories[0]",
        "bunker.access.rules[0].actions[0]", "bunker.access.rules[1].actions",
        "bunker.access.immutable[0].tags[0]"}) {
    EXPECT_NE(find(report, Severity::error, key), nullptr) << key << text(report);
  }
}

TEST(Access, AFileAndRulesBesideItAreOneTooMany) {
  const Report report =
      check_more("bunker: {access: {file: /f, immutable: [{repositories: [a], tags: [b]}]}}\n");
  EXPECT_NE(find(report, Severity::error, "bunker.access.file"), nullptr) << text(report);
}

TEST(Access, UsersThatNobodyCanBeAreWarnedOf) {
  const Report report = check_more(
      "bunker: {access: {rules: [{identities: ['user:a'], repositories: [a], actions: "
      "[pull]}]}}\n");
  EXPECT_TRUE(report.ok());
  EXPECT_NE(find(report, Severity::warning, "bunker.access.rules"), nullptr) << text(report);
}

TEST(AccessFile, IsRulesAndNothingElse) {
  const auto policy = parse_policy(
      "rules:\n- {identities: [anonymous], repositories: ['**'], actions: [pull]}\n", "f");
  ASSERT_TRUE(policy) << to_string(policy.error());
  EXPECT_TRUE(policy->has_rules);
  EXPECT_EQ(policy->rules.size(), 1u);
  const auto nobody = parse_policy("rules: []\n", "f");
  ASSERT_TRUE(nobody);
  EXPECT_TRUE(nobody->has_rules);
  for (const char* const bad :
       {"", "immutable: []\n", "rules: [{identities: [x]}]\n", "rules: [\n", "rules: x\n",
        "rules: []\nfile: /f\n", "rules: []\nrules: []\n", "[]\n"}) {
    EXPECT_FALSE(parse_policy(bad, "f")) << bad;
  }
  EXPECT_THAT(to_string(parse_policy("rules:\n- {identities: [x]}\n", "f").error()),
              HasSubstr("f:2:"));
}

}  // namespace
}  // namespace bunker::config
