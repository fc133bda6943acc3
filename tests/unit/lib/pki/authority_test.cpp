#include "lib/pki/authority.h"

#include "lib/pki/bundle.h"
#include "lib/pki/verify.h"
#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Authority, IsASelfSignedRootForLeaves) {
  const Authority ca = new_authority("Bunker CA");
  const Certificate& root = ca.certificate();
  EXPECT_EQ(root.subject.common_name, "Bunker CA");
  EXPECT_EQ(root.issuer.text, root.subject.text);
  EXPECT_TRUE(root.is_ca);
  EXPECT_TRUE(root.signs_certificates);
  EXPECT_TRUE(root.signs_crls);
  EXPECT_EQ(root.not_before, kNow - std::chrono::minutes(5));
  EXPECT_EQ(root.not_after, kNow + std::chrono::days(3650));
  EXPECT_EQ(root.authority_key_id, root.subject_key_id);
  EXPECT_THAT(root.serial, SizeIs(32));
  EXPECT_TRUE(verify(root, {.roots = {&root, 1}}, Purpose::any, kNow).has_value());
  EXPECT_THAT(ca.intermediates(), IsEmpty());
}

// OpenSSL reads any number but 0 as TRUE; Go's parser refuses the certificate without a word.
TEST(Authority, SaysThatItIsOneInDer) {
  const std::string constraints("\x30\x06\x01\x01\xFF\x02\x01\x00", 8);
  EXPECT_THAT(new_authority().certificate().der, HasSubstr(constraints));
}

TEST(Authority, IsReadFromPem) {
  const Authority ca = new_authority();
  const auto read = Authority::from_pem(to_pem(ca.certificate()), ca.key().to_pem().view());
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  EXPECT_EQ(read->certificate(), ca.certificate());
}

TEST(Authority, ThatCannotSignIsRefused) {
  const Authority ca = new_authority();
  const PrivateKey key = new_key();
  const Certificate leaf = issue(ca, key.public_key(), server_request(), kNow).value();
  EXPECT_THAT(Authority::make(leaf, key).error().message, HasSubstr("is not an authority's"));
  EXPECT_THAT(Authority::make(ca.certificate(), key).error().message,
              HasSubstr("does not belong to the certificate of CN=Test CA"));
}

TEST(Authority, NeedsANameThatACertificateCanHold) {
  AuthorityRequest request;
  for (const std::string& name :
       {std::string(), std::string(65, 'a'), std::string("a\nb"), std::string("\xff")}) {
    request.common_name = name;
    EXPECT_EQ(make_authority(new_key(), request, kNow).error().code, Code::invalid) << name;
  }
  request.common_name = std::string(32, 'a') + "é";  // 33 characters
  EXPECT_TRUE(make_authority(new_key(), request, kNow).has_value());
}

}  // namespace
}  // namespace bunker::pki
