#include "lib/pki/signing_request.h"

#include <openssl/pem.h>

#include "lib/pki/openssl.h"
#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using RequestPtr = Owned<X509_REQ, X509_REQ_free>;

// A request as nobody who means well makes it: `bytes` as its common name, signed with `signer`.
std::string hostile(const std::string& bytes, const PrivateKey& key, const PrivateKey& signer) {
  const RequestPtr request(X509_REQ_new());
  const NamePtr name(X509_NAME_new());
  X509_NAME_add_entry_by_NID(name.get(), NID_commonName, V_ASN1_UTF8STRING,
                             reinterpret_cast<const unsigned char*>(bytes.data()),
                             static_cast<int>(bytes.size()), -1, 0);
  X509_REQ_set_subject_name(request.get(), name.get());
  X509_REQ_set_pubkey(request.get(), key.native());
  X509_REQ_sign(request.get(), signer.native(), digest_for(signer.native()));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  (void)openssl_reason();
  return std::string(contents(bio.get()));
}

TEST(SigningRequest, ComesBackAsItWasMade) {
  for (const auto algorithm :
       {KeyAlgorithm::ecdsa_p256, KeyAlgorithm::rsa_2048, KeyAlgorithm::ed25519}) {
    const PrivateKey key = new_key(algorithm);
    DistinguishedName subject;
    subject.common_name = "alice";
    subject.organizations = {"team"};
    const AlternativeNames names{.dns = {"alice.example"}, .ips = {"192.0.2.1"}};
    const auto read = parse_signing_request(make_signing_request(key, subject, names).value());
    ASSERT_TRUE(read.has_value()) << to_string(read.error());
    EXPECT_EQ(read->key, key.public_key());
    EXPECT_EQ(read->subject.common_name, "alice");
    EXPECT_THAT(read->subject.organizations, ElementsAre("team"));
    EXPECT_EQ(read->names, names);
  }
}

TEST(SigningRequest, HostileNamesAreRefusedAndNotRepeated) {
  const PrivateKey key = new_key();
  for (const std::string& name : {std::string("alice\nlevel=info msg=\"all is well\""),
                                  std::string("admin\0.example", 14), std::string("\x1b[31mred")}) {
    const auto read = parse_signing_request(hostile(name, key, key));
    ASSERT_FALSE(read.has_value()) << testing::PrintToString(name);
    EXPECT_EQ(read.error().code, Code::invalid);
    for (const char c : read.error().message) EXPECT_GE(static_cast<unsigned char>(c), 32);
  }
}

TEST(SigningRequest, SomebodyElsesKeyIsRefused) {
  EXPECT_THAT(parse_signing_request(hostile("alice", new_key(), new_key())).error().message,
              HasSubstr("not signed with the key"));
}

TEST(SigningRequest, BrokenOnesAreRefused) {
  const std::string good = make_signing_request(new_key(), {.common_name = "alice"}, {}).value();
  EXPECT_THAT(parse_signing_request("").error().message, HasSubstr("no signing request"));
  EXPECT_THAT(parse_signing_request(good.substr(0, good.size() / 2)).error().message,
              HasSubstr("cut off"));
  std::string bent = good;
  bent[good.size() / 2] = bent[good.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(parse_signing_request(bent).has_value());
  EXPECT_FALSE(parse_signing_request(std::string(kMaxRequestBytes + 1, 'x')).has_value());
}

}  // namespace
}  // namespace bunker::pki
