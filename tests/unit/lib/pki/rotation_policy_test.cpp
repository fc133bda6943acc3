#include "lib/pki/rotation_policy.h"

#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using std::chrono::days;
using std::chrono::minutes;

class RotationPolicyTest : public testing::Test {
 protected:
  std::string_view reason(SystemTime now = kNow) {
    const auto found = renewal_reason({&leaf_, &key_}, target_, policy_, now);
    return found ? found->reason : "";
  }

  Authority ca_ = new_authority();
  PrivateKey key_ = new_key();
  LeafTarget target_{server_request(), KeyAlgorithm::ecdsa_p256, &ca_.certificate()};
  RotationPolicy policy_;
  Certificate leaf_ = issue(ca_, key_.public_key(), target_.request, kNow).value();
};

TEST_F(RotationPolicyTest, AGoodCertificateIsKept) {
  EXPECT_EQ(reason(), "");
  EXPECT_EQ(reason(kNow + days(54)), "");
}

TEST_F(RotationPolicyTest, RenewsAtTwoThirdsOrATwentiethEarlier) {
  const SystemTime due = renewal_time(leaf_, policy_);
  EXPECT_EQ(due, renewal_time(leaf_, policy_));
  EXPECT_GT(due, kNow + days(55));
  EXPECT_LE(due, kNow + days(60));
  EXPECT_EQ(reason(due - minutes(1)), "");
  EXPECT_EQ(reason(due), "RenewalDue");
}

TEST_F(RotationPolicyTest, NothingThereIsMissing) {
  EXPECT_EQ(renewal_reason({}, target_, policy_, kNow)->reason, "Missing");
  EXPECT_EQ(renewal_reason({&leaf_, nullptr}, target_, policy_, kNow)->reason, "Missing");
}

TEST_F(RotationPolicyTest, NamesEachReason) {
  const PrivateKey other = new_key();
  EXPECT_EQ(renewal_reason({&leaf_, &other}, target_, policy_, kNow)->reason, "KeyMismatch");
  target_.algorithm = KeyAlgorithm::rsa_2048;
  EXPECT_EQ(reason(), "AlgorithmChanged");
  target_.algorithm = KeyAlgorithm::ecdsa_p256;
  target_.request.names.ips = {"192.0.2.1"};
  EXPECT_EQ(reason(), "NamesChanged");
  target_.request = server_request();
  target_.request.for_clients = true;
  EXPECT_EQ(reason(), "UsageChanged");
  target_.request = server_request();
  target_.request.lifetime = days(30);
  EXPECT_EQ(reason(), "LifetimeChanged");
  target_.request.lifetime = days(365);
  EXPECT_EQ(reason(), "");  // with the next renewal
}

TEST_F(RotationPolicyTest, AnotherAuthorityIsAReasonEvenOfTheSameName) {
  const Authority next = new_authority();
  target_.issuer = &next.certificate();
  EXPECT_EQ(reason(), "IssuerChanged");
  target_.issuer = nullptr;  // out of reach
  EXPECT_EQ(reason(), "");
}

TEST_F(RotationPolicyTest, AClockThatJumpedIsAReason) {
  EXPECT_EQ(reason(kNow + days(365)), "Expired");
  EXPECT_EQ(reason(kNow - days(365)), "NotYetValid");
}

TEST_F(RotationPolicyTest, ACertificateThatEndsWithItsAuthorityIsNotRenewedForNothing) {
  const Authority ending = new_authority("ending", kNow, days(10));
  const Certificate leaf = issue(ending, key_.public_key(), target_.request, kNow).value();
  target_.issuer = &ending.certificate();
  EXPECT_FALSE(renewal_reason({&leaf, &key_}, target_, policy_, kNow + days(9)).has_value());
}

TEST_F(RotationPolicyTest, AddressesCompareByValue) {
  target_.request.names.ips = {"2001:db8:0::1"};
  leaf_ = issue(ca_, key_.public_key(), target_.request, kNow).value();
  EXPECT_EQ(reason(), "");
}

}  // namespace
}  // namespace bunker::pki
