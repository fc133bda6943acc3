#include "registryd/auth/policy_source.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/unit/registryd/auth/htpasswd_support.h"

namespace bunker::auth {
namespace {

using ::testing::HasSubstr;

// The file is one word: a user who may pull everything; "bad" is none.
Result<access::PolicyText> parse(std::string_view word) {
  if (word == "bad") return fail(Code::invalid, "the word is bad");
  access::PolicyText text;
  text.has_rules = true;
  text.rules = {{{"user:" + std::string(word)}, {"**"}, {"pull"}}};
  return text;
}

class PolicySourceTest : public HtpasswdTest {
 protected:
  void write(const std::string& text) {
    std::ofstream(path()) << text;
    settle();
  }
  Result<std::unique_ptr<PolicySource>> open() {
    return PolicySource::open({path(), parse, std::chrono::milliseconds(0)}, log_, metrics_);
  }
  static bool may(PolicySource& source, std::string_view user) {
    return source.current()->allows({user, nullptr}, "app", access::Action::pull);
  }
};

TEST_F(PolicySourceTest, AChangeCountsFromTheNextRequestOn) {
  write("alice");
  const auto source = *open();
  EXPECT_TRUE(may(*source, "alice"));
  write("bob");
  EXPECT_FALSE(may(*source, "alice"));
  EXPECT_TRUE(may(*source, "bob"));
  EXPECT_EQ(metric("bunker_access_reloads_total{result=\"ok\"}"), 1u);
}

TEST_F(PolicySourceTest, ABadFileLeavesTheLastGoodOneInForce) {
  write("alice");
  const auto source = *open();
  write("bad");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(may(*source, "alice"));
  EXPECT_EQ(metric("bunker_access_reloads_total{result=\"failed\"}"), 1u);
  std::filesystem::remove(path());
  EXPECT_TRUE(may(*source, "alice"));
  write("");  // parsed, and no rule: "user:" names nobody
  EXPECT_TRUE(may(*source, "alice"));
  write("bob");
  EXPECT_FALSE(may(*source, "alice"));
}

TEST_F(PolicySourceTest, ReloadReadsAtOnceAndSaysWhatItCameTo) {
  write("alice");
  const auto source = *PolicySource::open({path(), parse, std::chrono::hours(1)}, log_, metrics_);
  write("bob");
  EXPECT_TRUE(may(*source, "alice"));
  const auto done = source->reload();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->path, path());
  EXPECT_TRUE(done->result);
  EXPECT_TRUE(may(*source, "bob"));
  write("bad");
  for (int i = 0; i < 2; ++i) {  // also when it is known to be bad
    const auto failed = source->reload();
    ASSERT_FALSE(failed->result);
    EXPECT_THAT(to_string(failed->result.error()), HasSubstr("the word is bad"));
  }
  EXPECT_TRUE(may(*source, "bob"));
}

TEST_F(PolicySourceTest, ABadOrMissingFileStopsTheStart) {
  EXPECT_EQ(open().error().code, Code::not_found);
  write("bad");
  EXPECT_THAT(to_string(open().error()), HasSubstr("access rules " + path() + ": the word is bad"));
}

TEST_F(PolicySourceTest, AFixedPolicyStays) {
  PolicySource source(*access::Policy::make(*parse("alice")));
  EXPECT_FALSE(source.reload());
  EXPECT_TRUE(may(source, "alice"));
}

}  // namespace
}  // namespace bunker::auth
