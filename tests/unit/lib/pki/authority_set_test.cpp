#include "lib/pki/authority_set.h"

#include "lib/pki/bundle.h"
#include "lib/pki/ca_rotation.h"
#include "lib/pki/verify.h"
#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AuthoritySetTest : public testing::Test {
 protected:
  AuthoritySetTest() { EXPECT_TRUE(refresh_crls(set_, kNow).value()); }

  Certificate client(const std::string& name, SystemTime now = kNow) {
    const Certificate leaf =
        issue(set_.current, new_key().public_key(), client_request(name), now).value();
    record_issued(set_, name, leaf, now);
    return leaf;
  }

  void rotate(SystemTime now) {
    prepare(set_, new_authority("next"), now);
    ASSERT_TRUE(activate(set_, now).has_value());
    ASSERT_TRUE(refresh_crls(set_, now).value());
  }

  Result<void> accepts(const Certificate& leaf, SystemTime now = kNow) {
    const auto roots = set_.trusted();
    return verify(leaf, {.roots = roots, .crls = set_.crls}, Purpose::client, now);
  }

  AuthoritySet set_{new_authority("first")};
};

TEST_F(AuthoritySetTest, GoesThroughFilesAndBack) {
  client("alice");
  rotate(kNow);
  client("alice");
  prepare(set_, new_authority("third"), kNow + days(1));
  ASSERT_TRUE(refresh_crls(set_, kNow + days(1)).value());
  set_.crl_lifetime = days(7);
  set_.previous.front().tainted = true;
  const auto files = to_files(set_);
  for (const auto& [name, text] : files) EXPECT_TRUE(is_authority_file(name)) << name;
  const auto read = parse_authority(files);
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  EXPECT_EQ(read->trusted(), set_.trusted());
  EXPECT_EQ(read->generation, 4U);
  EXPECT_EQ(read->next->since, kNow + days(1));
  EXPECT_TRUE(read->previous.front().tainted);
  EXPECT_EQ(read->previous.front().generation, 3U);
  EXPECT_EQ(read->issued.size(), 2U);
  EXPECT_EQ(read->issued.front().replaced, kNow);
  EXPECT_EQ(read->crl_lifetime, days(7));
  const auto again = to_files(*read);
  EXPECT_EQ(again.at("state.json").view(), files.at("state.json").view());
  EXPECT_EQ(again.at("bundle.crt").view(), files.at("bundle.crt").view());
}

TEST_F(AuthoritySetTest, AForeignSecretIsRead) {
  AuthorityFiles files;
  files["tls.crt"] = SecretText(to_pem(set_.current.certificate()));
  files["tls.key"] = set_.current.key().to_pem();
  files["ca.crt"] = SecretText(to_pem(new_authority("above").certificate()));
  EXPECT_EQ(parse_authority(files)->current.certificate(), set_.current.certificate());
}

TEST_F(AuthoritySetTest, SaysWhichFileIsWrong) {
  AuthorityFiles files = to_files(set_);
  files["state.json"] = SecretText("[]");
  EXPECT_THAT(parse_authority(files).error().message, HasSubstr("state.json"));
  files["state.json"] = SecretText(R"({"generation":"x","previous":7,"issued":[1,{}]})");
  EXPECT_EQ(parse_authority(files)->generation, 1U);
  files["ca.crl"] = SecretText("-----BEGIN X509 CRL-----\n");
  EXPECT_THAT(parse_authority(files).error().message, HasSubstr("ca.crl: "));
  files["ca.key"] = new_key().to_pem();
  EXPECT_THAT(parse_authority(files).error().message, HasSubstr("does not belong"));
  files.erase("ca.key");
  EXPECT_THAT(parse_authority(files).error().message, HasSubstr("no ca.key beside ca.crt"));
  EXPECT_EQ(parse_authority({}).error().code, Code::not_found);
}

TEST_F(AuthoritySetTest, OldAndNewAreTrustedUntilTheOldOneIsRetired) {
  const Certificate old = client("alice");
  rotate(kNow);
  const Certificate fresh = client("bob");
  EXPECT_TRUE(accepts(old).has_value());
  EXPECT_TRUE(accepts(fresh).has_value());
  ASSERT_TRUE(retire(set_, set_.previous.front().certificate.fingerprint).has_value());
  EXPECT_FALSE(accepts(old).has_value());
  EXPECT_TRUE(accepts(fresh).has_value());
  EXPECT_THAT(set_.crls, testing::SizeIs(1));
  EXPECT_EQ(retire(set_, "none").error().code, Code::not_found);
  EXPECT_EQ(activate(set_, kNow).error().code, Code::invalid);
}

TEST_F(AuthoritySetTest, RevokesOfTheCurrentAndOfThePreviousCa) {
  const Certificate old = client("alice");
  rotate(kNow);
  const Certificate fresh = client("bob");
  ASSERT_TRUE(revoke(set_, {old.serial}, kNow).has_value());
  EXPECT_THAT(accepts(old).error().message, HasSubstr("revoked"));
  EXPECT_TRUE(accepts(fresh).has_value());
  ASSERT_TRUE(revoke(set_, {fresh.serial}, kNow).has_value());
  EXPECT_THAT(accepts(fresh).error().message, HasSubstr("revoked"));
  EXPECT_THAT(accepts(old).error().message, HasSubstr("revoked"));
  EXPECT_THAT(set_.issued, IsEmpty());
  // One that is on no record is revoked wherever it may be from.
  ASSERT_TRUE(revoke(set_, {"0badcafe"}, kNow).has_value());
  for (const Crl& crl : set_.crls) EXPECT_TRUE(crl.revokes("0badcafe"));
}

TEST_F(AuthoritySetTest, ListsAreSignedAnewAfterAThirdOfTheirLife) {
  EXPECT_FALSE(refresh_crls(set_, kNow + days(3000)).value());  // as long as the CA
  set_.crl_lifetime = days(9);
  EXPECT_TRUE(refresh_crls(set_, kNow + days(3)).value());
  const Crl first = set_.crls.front();
  EXPECT_EQ(first.number, 2U);
  EXPECT_FALSE(refresh_crls(set_, kNow + days(5)).value());
  EXPECT_TRUE(refresh_crls(set_, kNow + days(6) + hours(1)).value());
  EXPECT_EQ(set_.crls.front().number, 3U);
}

TEST_F(AuthoritySetTest, TheOldCaIsHeldByWhatItSigned) {
  client("alice");
  rotate(kNow);
  const CaRotationPolicy policy{.distribution = days(7)};
  const auto held = [&](SystemTime now) {
    return held_until(set_, set_.previous.front(), policy, now);
  };
  EXPECT_EQ(held(kNow), kNow + days(90));
  EXPECT_EQ(held(kNow + days(90)), std::nullopt);
  client("alice", kNow + days(10));  // replaced
  EXPECT_EQ(held(kNow + days(10)), kNow + days(17));
  EXPECT_EQ(held(kNow + days(17)), std::nullopt);
}

TEST_F(AuthoritySetTest, StepsWaitForTimeAndForReplicas) {
  const CaRotationPolicy policy{.before = days(100), .distribution = days(7)};
  const SystemTime due = kNow + days(3650 - 107);
  std::vector<Replica> replicas = {{"a", 1}, {"b", 1}};
  const auto reason = [&](SystemTime now) { return next_step(set_, policy, replicas, now).reason; };
  EXPECT_EQ(reason(due - hours(1)), "NotDue");
  EXPECT_EQ(next_step(set_, policy, replicas, kNow).next_look, due);
  EXPECT_EQ(reason(due), "Due");
  prepare(set_, new_authority("next", due), due);
  EXPECT_EQ(reason(due + days(1)), "Distributing");
  EXPECT_EQ(reason(due + days(7)), "AwaitingReplicas");
  EXPECT_EQ(reason(due + days(105)), "Forced");  // two days are left
  replicas = {{"a", 2}, {"b", 2}};
  EXPECT_EQ(reason(due + days(7)), "Distributed");
  ASSERT_TRUE(activate(set_, due + days(7)).has_value());
  EXPECT_EQ(reason(due + days(7)), "NotDue");
  replicas = {{"a", 3}};
  const RotationStep step = next_step(set_, policy, replicas, due + days(7));
  EXPECT_EQ(step.reason, "Unused");
  EXPECT_EQ(step.fingerprint, set_.previous.front().certificate.fingerprint);
  replicas = {};
  EXPECT_EQ(reason(due + days(7)), "NotDue");
  EXPECT_EQ(reason(due + days(107)), "Expired");
}

}  // namespace
}  // namespace bunker::pki
