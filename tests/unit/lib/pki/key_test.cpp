#include "lib/pki/key.h"

#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using testing::HasSubstr;

class EveryAlgorithm : public testing::TestWithParam<KeyAlgorithm> {};

TEST_P(EveryAlgorithm, GoesThroughPemAndBack) {
  const PrivateKey key = new_key(GetParam());
  EXPECT_EQ(key.public_key().algorithm(), GetParam());
  const SecretText pem = key.to_pem();
  EXPECT_TRUE(pem.view().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const auto again = PrivateKey::from_pem(pem.view());
  ASSERT_TRUE(again.has_value()) << to_string(again.error());
  EXPECT_EQ(again->public_key(), key.public_key());
  EXPECT_EQ(parse_key_algorithm(to_string(GetParam())).value(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Key, EveryAlgorithm,
                         testing::Values(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384,
                                         KeyAlgorithm::rsa_2048, KeyAlgorithm::ed25519));

TEST(Key, OtherAlgorithmsAreNamedInTheError) {
  const auto result = parse_key_algorithm("dsa");
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("\"dsa\""));
}

TEST(Key, RefusesWhatHoldsNoKey) {
  for (const std::string_view text :
       {"", "text", "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    const auto key = PrivateKey::from_pem(text);
    ASSERT_FALSE(key.has_value()) << text;
    EXPECT_EQ(key.error().code, Code::invalid);
    EXPECT_THAT(key.error().message, HasSubstr("no readable private key"));
  }
}

TEST(Key, SecretTextForgets) {
  SecretText one("secret");
  SecretText two = std::move(one);
  EXPECT_EQ(two.view(), "secret");
  EXPECT_TRUE(one.empty());  // NOLINT(bugprone-use-after-move)
  std::string plain = "secret, and longer than what fits into the string itself";
  const char* bytes = plain.data();
  wipe(plain);
  EXPECT_EQ(bytes[0], '\0');
  EXPECT_EQ(bytes[1], '\0');
  EXPECT_TRUE(plain.empty());
}

}  // namespace
}  // namespace bunker::pki
