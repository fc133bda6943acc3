#include "lib/pki/bundle.h"

#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Bundle, KeepsOrderAndSkipsWhatIsNotACertificate) {
  const Authority one = new_authority("one");
  const Authority two = new_authority("two");
  const std::string text = "a comment\n" + to_pem(two.certificate()) +
                           std::string(one.key().to_pem().view()) + "\n" +
                           to_pem(one.certificate()) + "the end";
  const auto bundle = parse_bundle(text);
  ASSERT_TRUE(bundle.has_value()) << to_string(bundle.error());
  EXPECT_THAT(*bundle, ElementsAre(two.certificate(), one.certificate()));
}

TEST(Bundle, MergesEachOnce) {
  const Certificate one = new_authority("one").certificate();
  const Certificate two = new_authority("two").certificate();
  const std::vector<Certificate> first = {one, one};
  const std::vector<Certificate> second = {two, one};
  EXPECT_THAT(merge(first, second), ElementsAre(one, two));
}

TEST(Bundle, SaysWhichCertificateIsBroken) {
  const std::string good = to_pem(new_authority().certificate());
  EXPECT_THAT(parse_bundle("").error().message, HasSubstr("no certificate"));
  EXPECT_THAT(parse_bundle(good + good.substr(0, good.size() / 2)).error().message,
              HasSubstr("number 2 is cut off"));
  std::string mangled = good;
  mangled[mangled.size() / 2] = '*';
  EXPECT_THAT(parse_bundle(good + mangled).error().message, HasSubstr("number 2 is not base64"));
  const std::string empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_THAT(parse_bundle(good + empty).error().message,
              HasSubstr("certificate number 2: the certificate is malformed"));
  EXPECT_THAT(parse_bundle(std::string(kMaxBundleBytes + 1, 'x')).error().message,
              HasSubstr("more than"));
}

TEST(Bundle, ACertificateWithATailIsMalformed) {
  const Certificate one = new_authority().certificate();
  EXPECT_THAT(parse_certificate(one.der + "x").error().message, HasSubstr("something follows"));
  for (std::size_t size = 0; size < one.der.size(); size += 7) {
    EXPECT_FALSE(parse_certificate(one.der.substr(0, size)).has_value());
  }
}

}  // namespace
}  // namespace bunker::pki
