#include "registryd/access/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bunker::access {
namespace {

using ::testing::HasSubstr;

Policy policy(std::vector<RuleText> rules, std::vector<ImmutableText> immutable = {}) {
  PolicyText text;
  text.rules = std::move(rules);
  text.immutable = std::move(immutable);
  auto made = Policy::make(text);
  EXPECT_TRUE(made) << to_string(made.error());
  return *std::move(made);
}

net::PeerCertificate certificate() {
  net::PeerCertificate out;
  out.common_name = "ci-7";
  out.organizations = {"Example"};
  out.organizational_units = {"build", "release"};
  out.dns_names = {"a.ci.example"};
  out.emails = {"ci@example.com"};
  out.uris = {"spiffe://cluster/ns/ci/sa/build"};
  out.ip_addresses = {"192.0.2.7"};
  return out;
}

TEST(IdentityPatternTest, MeansByEachPartOfACertificate) {
  const net::PeerCertificate shown = certificate();
  const auto allowed = [](const std::string& identity, const Subject& subject) {
    return policy({{{identity}, {"app"}, {"pull"}}}).allows(subject, "app", Action::pull);
  };
  const Subject with_certificate{"", &shown};
  for (const char* const identity :
       {"anonymous", "authenticated", "cn:ci-*", "cn:ci-7", "ou:release", "o:Example",
        "san:*.ci.example", "san:ci@example.com", "san:spiffe://cluster/ns/*", "san:192.0.2.7"}) {
    EXPECT_TRUE(allowed(identity, with_certificate)) << identity;
    EXPECT_EQ(allowed(identity, {}), std::string(identity) == "anonymous") << identity;
  }
  for (const char* const identity :
       {"cn:ci", "cn:CI-7", "ou:Example", "o:build", "san:ci-7", "user:ci-7", "user:*"}) {
    EXPECT_FALSE(allowed(identity, with_certificate)) << identity;
  }
  EXPECT_TRUE(allowed("user:alice", {"alice", nullptr}));
  EXPECT_TRUE(allowed("authenticated", {"alice", nullptr}));
  EXPECT_FALSE(allowed("user:alice", {"alice2", nullptr}));
  EXPECT_FALSE(allowed("cn:alice", {"alice", nullptr}));
}

TEST(IdentityPatternTest, AnEmptyPartOfACertificateMatchesNothing) {
  const net::PeerCertificate empty;
  const Policy rules = policy({{{"cn:*", "ou:*", "o:*", "san:*", "user:*"}, {"**"}, {"pull"}}});
  EXPECT_FALSE(rules.allows({"", &empty}, "app", Action::pull));
}

TEST(PolicyTest, DeniesWhatNoRuleAllows) {
  const Policy rules = policy({{{"anonymous"}, {"public/**"}, {"pull"}},
                               {{"user:alice", "user:bob"}, {"team/**", "app"}, {"pull", "push"}},
                               {{"user:alice"}, {"team/**"}, {"delete"}}});
  const Subject nobody, alice{"alice", nullptr}, bob{"bob", nullptr};
  EXPECT_TRUE(rules.has_rules());
  EXPECT_TRUE(rules.allows(nobody, "public/a", Action::pull));
  EXPECT_TRUE(rules.allows(alice, "public/a", Action::pull));
  EXPECT_FALSE(rules.allows(nobody, "public/a", Action::push));
  EXPECT_FALSE(rules.allows(nobody, "team/a", Action::pull));
  EXPECT_TRUE(rules.allows(bob, "app", Action::push));
  EXPECT_FALSE(rules.allows(bob, "team/a", Action::remove));
  EXPECT_TRUE(rules.allows(alice, "team/a", Action::remove));
  EXPECT_FALSE(rules.allows(alice, "app", Action::remove));
  EXPECT_FALSE(rules.allows_everywhere(alice, Action::pull));
  EXPECT_TRUE(rules.knows(nobody));
}

TEST(PolicyTest, EverywhereIsTwoStarsOnly) {
  const Policy rules =
      policy({{{"user:a"}, {"**"}, {"pull"}}, {{"user:b"}, {"*", "*/**"}, {"pull"}}});
  EXPECT_TRUE(rules.allows_everywhere({"a", nullptr}, Action::pull));
  EXPECT_FALSE(rules.allows_everywhere({"a", nullptr}, Action::push));
  EXPECT_FALSE(rules.allows_everywhere({"b", nullptr}, Action::pull));
  EXPECT_FALSE(rules.knows({}));
}

TEST(PolicyTest, RulesThatAreThereAndEmptyDenyEverything) {
  PolicyText text;
  text.has_rules = true;
  const Policy none = *Policy::make(text);
  EXPECT_TRUE(none.has_rules());
  EXPECT_FALSE(none.allows({"alice", nullptr}, "app", Action::pull));
  EXPECT_FALSE(Policy().has_rules());
}

TEST(PolicyTest, NamesWhatIsWrong) {
  const auto error = [](RuleText rule) {
    PolicyText text;
    text.rules = {{{"anonymous"}, {"**"}, {"pull"}}, std::move(rule)};
    return to_string(Policy::make(text).error());
  };
  EXPECT_THAT(error({{}, {"a"}, {"pull"}}), HasSubstr("rule 2: it names no identities"));
  EXPECT_THAT(error({{"anonymous"}, {}, {"pull"}}), HasSubstr("no repositories"));
  EXPECT_THAT(error({{"anonymous"}, {"a"}, {}}), HasSubstr("no actions"));
  EXPECT_THAT(error({{"alice"}, {"a"}, {"pull"}}), HasSubstr("user:NAME"));
  EXPECT_THAT(error({{"user:"}, {"a"}, {"pull"}}), HasSubstr("\"user:\""));
  EXPECT_THAT(error({{"anonymous"}, {"A"}, {"pull"}}), HasSubstr("lower-case"));
  EXPECT_THAT(error({{"anonymous"}, {"a"}, {"read"}}), HasSubstr("pull, push or delete"));
}

TEST(PolicyTest, ImmutableTagsAreNoRules) {
  const Policy rules = policy({}, {{{"release/**"}, {"v*", "stable"}}, {{"base"}, {"*"}}});
  EXPECT_FALSE(rules.has_rules());
  EXPECT_TRUE(rules.is_immutable("release/app", "v1"));
  EXPECT_TRUE(rules.is_immutable("base", "anything"));
  EXPECT_FALSE(rules.is_immutable("release/app", "latest"));
  EXPECT_FALSE(rules.is_immutable("other/app", "v1"));
}

TEST(ViewTest, ShowsWhatMayBePulled) {
  const auto rules = std::make_shared<const Policy>(
      policy({{{"user:alice"}, {"team/**"}, {"pull"}}, {{"user:alice"}, {"drop/**"}, {"push"}}}));
  const View view(rules, {"alice", nullptr});
  EXPECT_TRUE(view.includes("team/a"));
  EXPECT_FALSE(view.includes("drop/a"));
  EXPECT_TRUE(view.enters("team"));
  EXPECT_FALSE(view.enters("drop"));
  const View nothing(rules, {});
  EXPECT_FALSE(nothing.includes("team/a"));
  EXPECT_FALSE(nothing.enters("team"));
}

}  // namespace
}  // namespace bunker::access
