#include "lib/pki/crl.h"

#include "lib/pki/verify.h"
#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;

CrlRequest request_of(std::vector<Revocation> revoked, std::uint64_t number = 1) {
  return {std::move(revoked), number, kNow, kNow + days(7)};
}

TEST(Crl, GoesThroughPemAndBack) {
  const Authority ca = new_authority();
  const Crl made =
      make_crl(ca, request_of({{"0a", kNow}, {"03", kNow - hours(1)}, {"0a", kNow - days(1)}}, 7))
          .value();
  const auto read = parse_crls("text\n" + to_pem(std::vector{made, made}));
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  ASSERT_EQ(read->size(), 2U);
  const Crl& crl = read->front();
  EXPECT_EQ(crl.number, 7U);
  EXPECT_EQ(crl.issuer.common_name, "Test CA");
  EXPECT_EQ(crl.this_update, kNow);
  EXPECT_EQ(crl.next_update, kNow + days(7));
  EXPECT_THAT(crl.revoked,
              ElementsAre(Revocation{"03", kNow - hours(1)}, Revocation{"0a", kNow - days(1)}));
  EXPECT_TRUE(crl.revokes("0a"));
  EXPECT_FALSE(crl.revokes("04"));
  EXPECT_TRUE(signed_by(crl, ca.certificate()));
  EXPECT_FALSE(signed_by(crl, new_authority().certificate()));
}

TEST(Crl, RefusesARevokedLeafAndNoOther) {
  const Authority ca = new_authority();
  const Certificate one = issue(ca, new_key().public_key(), client_request(), kNow).value();
  const Certificate two = issue(ca, new_key().public_key(), client_request(), kNow).value();
  const Crl crl = make_crl(ca, request_of({{one.serial, kNow}})).value();
  const Trust trust{.roots = {&ca.certificate(), 1}, .crls = {&crl, 1}};
  EXPECT_THAT(verify(one, trust, Purpose::client, kNow).error().message,
              HasSubstr("certificate revoked"));
  EXPECT_TRUE(verify(two, trust, Purpose::client, kNow).has_value());
  EXPECT_THAT(verify(two, trust, Purpose::client, kNow + days(8)).error().message,
              HasSubstr("CRL has expired"));
}

TEST(Crl, TheNewestOfAnIssuerIsFound) {
  const Authority ca = new_authority();
  const Authority other = new_authority();
  const std::vector<Crl> crls = {make_crl(ca, request_of({}, 3)).value(),
                                 make_crl(other, request_of({}, 9)).value(),
                                 make_crl(ca, request_of({}, 5)).value()};
  EXPECT_EQ(newest_of(crls, ca.certificate())->number, 5U);
  EXPECT_EQ(newest_of(crls, new_authority().certificate()), nullptr);
}

TEST(Crl, RefusesBadInput) {
  const Authority ca = new_authority();
  EXPECT_THAT(make_crl(ca, request_of({{"xyz", kNow}})).error().message,
              HasSubstr("not a hexadecimal number"));
  EXPECT_EQ(make_crl(ca, {{}, 1, kNow, kNow}).error().code, Code::invalid);
  EXPECT_TRUE(parse_crls("")->empty());
  const std::string pem = to_pem(std::vector{make_crl(ca, request_of({})).value()});
  EXPECT_THAT(parse_crls(pem.substr(0, pem.size() / 2)).error().message, HasSubstr("cut off"));
}

}  // namespace
}  // namespace bunker::pki
