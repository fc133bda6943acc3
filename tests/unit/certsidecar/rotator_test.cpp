// `certsidecar run` on folders and a clock that the test moves: what it keeps, and what it
// survives.
#include "certsidecar/run/rotator.h"

#include <filesystem>

#include "certsidecar/commands/commands.h"
#include "tests/unit/certsidecar/pod.h"

namespace bunker::certsidecar {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::SizeIs;

using RotatorTest = PodTest;

TEST_F(RotatorTest, MakesAllThatIsMissing) {
  Pod pod(config_of("a"), clock_);
  EXPECT_FALSE(pod.ready());
  pod.step();
  EXPECT_TRUE(pod.ready());
  EXPECT_TRUE(accepts(pod.folder(0), pod.leaf(1), clock_.now()).has_value());
  EXPECT_THAT(set().issued, SizeIs(1));
  EXPECT_THAT(pod.metrics(), HasSubstr("bunker_certificate_renewals_total{name=\"server\","
                                       "reason=\"Missing\"} 1"));
  EXPECT_THAT(pod.metrics(), HasSubstr("bunker_authority_generation{authority=\"ca\"} 1"));
}

TEST_F(RotatorTest, ARestartKeepsWhatIsGood) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  const pki::Certificate before = pod.leaf();
  pod.start();
  pod.step();
  EXPECT_EQ(pod.leaf(), before);
}

TEST_F(RotatorTest, ARestartWithoutTheAuthorityKeepsServing) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  const pki::Certificate before = pod.leaf();
  pod.config().authorities[0].create = false;
  fs::rename(ca_, ca_ + ".away");
  pod.start();
  pod.step();
  EXPECT_TRUE(pod.ready());
  EXPECT_EQ(pod.leaf(), before);
  EXPECT_TRUE(pod.folder().trust.client_crl.has_value());
  EXPECT_THAT(pod.metrics(), HasSubstr("authority=\"ca\",state=\"unavailable\"} 1"));
  fs::rename(ca_ + ".away", ca_);
  clock_.advance(minutes(1));
  pod.step();
  EXPECT_THAT(pod.metrics(), HasSubstr("authority=\"ca\",state=\"steady\"} 1"));
}

TEST_F(RotatorTest, ABrokenAuthorityLeavesTheLastGoodOneInUse) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  const auto data = fs::read_symlink(ca_ + "/..data");
  std::ofstream(ca_ + "/..data/ca.crt", std::ios::trunc) << "-----BEGIN CERTIFICATE-----\nAAAA";
  pod.step();
  EXPECT_TRUE(pod.ready());
  EXPECT_TRUE(accepts(pod.folder(0), pod.leaf(1), clock_.now()).has_value());
  EXPECT_GT(pod.next(), clock_.now());
}

TEST_F(RotatorTest, RenewsWhenDueAndWhenTheNamesChange) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  const pki::Certificate first = pod.leaf();
  clock_.advance(days(50));
  pod.step();
  EXPECT_EQ(pod.leaf(), first);
  clock_.advance(days(10));
  pod.step();
  const pki::Certificate second = pod.leaf();
  EXPECT_NE(second.public_key, first.public_key);
  pod.config().certificates[0].request.names.dns.emplace_back("other");
  pod.start();
  pod.step();
  EXPECT_THAT(pod.leaf().names.dns, testing::ElementsAre("registry", "other"));
}

TEST_F(RotatorTest, AClockThatJumpsAYearIsSurvived) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  clock_.advance(days(365));
  pod.step();
  EXPECT_GT(pod.leaf().not_after, clock_.now());
  clock_.advance(-days(365));
  pod.step();
  EXPECT_LE(pod.leaf().not_before, clock_.now());
  EXPECT_TRUE(pod.ready());
}

TEST_F(RotatorTest, ARevocationReachesEveryPod) {
  Pod one(config_of("a"), clock_);
  Pod two(config_of("b"), clock_);
  one.step();
  two.step();
  const pki::Certificate client = one.leaf(1);
  EXPECT_TRUE(accepts(two.folder(), client, clock_.now()).has_value());
  std::ostringstream out;
  ASSERT_TRUE(revoke({ca_, {}, {client.serial}}, Console{out, clock_}).has_value());
  one.step();
  two.step();
  for (const Pod* pod : {&one, &two}) {
    EXPECT_THAT(accepts(pod->folder(), client, clock_.now()).error().message, HasSubstr("revoked"));
  }
}

TEST_F(RotatorTest, ListsAreKeptFreshByTheOneThatLeads) {
  Pod one(config_of("a"), clock_);
  Pod two(config_of("b"), clock_);
  one.step();
  two.step();
  for (int day = 0; day < 9; ++day) {
    clock_.advance(days(1));
    one.step();
    two.step();
    EXPECT_TRUE(accepts(two.folder(), one.leaf(1), clock_.now()).has_value());
  }
}

// Two pods and a CA that ends: at every step each pod takes the other's clients, and a host that
// fetches bundle.crt every three days takes the server.
TEST_F(RotatorTest, TheCaRotatesWithoutAGap) {
  const auto short_lived = [&](const std::string& pod) {
    Config config = config_of(pod);
    config.authorities[0].settings.lifetime = days(40);
    config.authorities[0].policy = {.before = days(12), .distribution = days(3)};
    for (auto& one : config.certificates) one.request.lifetime = days(6);
    return config;
  };
  Pod one(short_lived("a"), clock_);
  Pod two(short_lived("b"), clock_);
  one.step();
  two.step();
  for (const Pod* pod : {&one, &two}) ASSERT_TRUE(pod->ready());
  const pki::Certificate first = set().current.certificate();
  std::string host = one.folder().trust.bundle;
  bool overlapped = false;
  for (int day = 0; day < 45; ++day) {
    clock_.advance(days(1));
    one.step();
    two.step();
    for (const Pod* pod : {&one, &two}) {
      const auto roots = pki::parse_bundle(host).value();
      ASSERT_TRUE(pki::verify(pod->leaf(), {.roots = roots}, pki::Purpose::server, clock_.now()));
      ASSERT_TRUE(accepts(pod->folder(), one.leaf(1), clock_.now())) << "day " << day;
      ASSERT_TRUE(accepts(pod->folder(), two.leaf(1), clock_.now())) << "day " << day;
    }
    overlapped = overlapped || !set().previous.empty();
    if (day % 3 == 0) host = one.folder().trust.bundle;
  }
  EXPECT_TRUE(overlapped);
  EXPECT_NE(set().current.certificate(), first);
  EXPECT_THAT(set().previous, SizeIs(0));
  EXPECT_THAT(one.metrics() + two.metrics(), HasSubstr("step=\"retire\"} 1"));
}

TEST_F(RotatorTest, ARotationWaitsForAPodThatDoesNotAnswer) {
  Pod one(config_of("a"), clock_);
  Pod two(config_of("b"), clock_);
  one.step();
  two.step();
  std::ostringstream out;
  ASSERT_TRUE(ca_prepare({.folder = ca_}, Console{out, clock_}).has_value());
  one.step();
  clock_.advance(minutes(5));
  EXPECT_TRUE(set().next.has_value());
  // Distribution is over, but the second pod does not know the next CA yet.
  one.config().authorities[0].policy.distribution = std::chrono::seconds(0);
  one.start();
  one.step();
  EXPECT_TRUE(set().next.has_value());
  two.step();
  one.step();
  EXPECT_FALSE(set().next.has_value());
  EXPECT_THAT(set().previous, SizeIs(1));
}

TEST_F(RotatorTest, ACertificateThatWasIssuedByHandIsKept) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  std::ostringstream out;
  ASSERT_TRUE(revoke({ca_, {"ci"}, {}}, Console{out, clock_}).has_value());
  pod.step();
  EXPECT_FALSE(accepts(pod.folder(0), pod.leaf(1), clock_.now()).has_value());
  clock_.advance(minutes(1));
  IssueOptions options;
  options.ca = ca_;
  options.names = {"ci"};
  options.out = pod.config().certificates[1].folder;
  ASSERT_TRUE(issue_client(options, Console{out, clock_}).has_value());
  const pki::Certificate issued = pod.leaf(1);
  pod.step();
  EXPECT_EQ(pod.leaf(1), issued);
  EXPECT_TRUE(accepts(pod.folder(0), issued, clock_.now()).has_value());
}

// A key that may be known to others: nothing of that CA is shown any more, and then none is taken.
TEST_F(RotatorTest, ATaintedCaIsLeftAtOnce) {
  Pod one(config_of("a"), clock_);
  Pod two(config_of("b"), clock_);
  one.step();
  two.step();
  const pki::Certificate stolen = one.leaf(1);
  std::ostringstream out;
  ASSERT_TRUE(ca_taint({.folder = ca_}, Console{out, clock_}).has_value());
  one.step();
  two.step();
  for (const Pod* pod : {&one, &two}) {
    for (const std::size_t certificate : {0, 1}) {
      EXPECT_EQ(pod->leaf(certificate).issuer.text, set().current.certificate().subject.text);
    }
    EXPECT_TRUE(accepts(pod->folder(), stolen, clock_.now()).has_value());
  }
  ASSERT_TRUE(ca_retire({.folder = ca_, .now = true}, Console{out, clock_}).has_value());
  one.step();
  two.step();
  for (const Pod* pod : {&one, &two}) {
    EXPECT_FALSE(accepts(pod->folder(), stolen, clock_.now()).has_value());
    EXPECT_TRUE(accepts(pod->folder(), one.leaf(1), clock_.now()).has_value());
    EXPECT_TRUE(accepts(pod->folder(), two.leaf(1), clock_.now()).has_value());
  }
}

TEST_F(RotatorTest, AMountedAuthorityIsFollowed) {
  Pod driver(config_of("a"), clock_);
  driver.step();
  Config config = config_of("b");
  config.authorities[0].source = AuthorityConfig::Source::mounted;
  config.authorities[0].create = false;
  Pod follower(std::move(config), clock_);
  follower.step();
  EXPECT_TRUE(follower.ready());
  EXPECT_TRUE(accepts(follower.folder(), driver.leaf(1), clock_.now()).has_value());
  std::ostringstream out;
  ASSERT_TRUE(ca_taint({.folder = ca_}, Console{out, clock_}).has_value());
  follower.step();
  EXPECT_EQ(follower.leaf().issuer.text, set().current.certificate().subject.text);
}

}  // namespace
}  // namespace bunker::certsidecar
