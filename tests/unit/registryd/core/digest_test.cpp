#include "registryd/core/digest.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "lib/base/encoding.h"
#include "registryd/core/errors.h"

namespace bunker::registry {
namespace {

std::string hash_with_evp(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, algorithm, nullptr);
  return hex_encode({reinterpret_cast<const char*>(out.data()), size});
}

std::string sample(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

std::span<const std::byte> as_span(std::string_view bytes) {
  return std::as_bytes(std::span(bytes));
}

TEST(Digest, ParsesBothAlgorithms) {
  for (const Algorithm algorithm : {Algorithm::sha256, Algorithm::sha512}) {
    const Digest digest = Digest::of(algorithm, "hello");
    const auto parsed = Digest::parse(digest.str());
    ASSERT_TRUE(parsed) << digest.str();
    EXPECT_EQ(*parsed, digest);
    EXPECT_EQ(parsed->algorithm(), algorithm);
    EXPECT_EQ(parsed->str(), std::string(to_string(algorithm)) + ":" + std::string(parsed->hex()));
  }
}

TEST(Digest, RefusesWhatIsNotOne) {
  const std::string hex(64, 'a');
  const std::string bad[] = {"",
                             "sha256",
                             "sha256:",
                             ":" + hex,
                             "sha256:" + hex.substr(1),
                             "sha256:" + hex + "a",
                             "sha256:" + std::string(64, 'A'),
                             "sha256:" + std::string(63, 'a') + "g",
                             "sha512:" + hex,
                             "SHA256:" + hex,
                             " sha256:" + hex,
                             "sha256:" + hex + "\n",
                             "sha256::" + hex,
                             "sha..1:abc",
                             "sha256:../../../../etc/passwd",
                             "-sha:abc",
                             std::string(1000, 'x') + ":abc"};
  for (const std::string& text : bad) {
    const auto digest = Digest::parse(text);
    ASSERT_FALSE(digest) << text;
    EXPECT_EQ(digest.error().code, Code::invalid) << text;
    EXPECT_EQ(digest.error().reason, reason::kDigestInvalid) << text;
  }
}

TEST(Digest, NamesAnUnsupportedAlgorithm) {
  const auto digest =
      Digest::parse("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8");
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().code, Code::unsupported);
  EXPECT_EQ(digest.error().reason, reason::kDigestInvalid);
}

TEST(Digest, ErrorsAreFitForLogs) {
  const auto digest = Digest::parse("a\x01\xff\n:b");
  ASSERT_FALSE(digest);
  EXPECT_NE(digest.error().message.find("'a???:b'"), std::string::npos) << digest.error().message;
}

TEST(Hasher, AgreesWithEvpAroundBlockBounds) {
  for (std::size_t size = 0; size <= 300; ++size) {
    const std::string bytes = sample(size);
    EXPECT_EQ(Digest::of(Algorithm::sha256, bytes).hex(), hash_with_evp(EVP_sha256(), bytes));
    EXPECT_EQ(Digest::of(Algorithm::sha512, bytes).hex(), hash_with_evp(EVP_sha512(), bytes));
  }
}

TEST(Hasher, GoesOnAfterADigest) {
  Hasher hasher(Algorithm::sha256);
  hasher.update(as_span("ab"));
  EXPECT_EQ(hasher.digest(), Digest::of(Algorithm::sha256, "ab"));
  hasher.update(as_span("c"));
  EXPECT_EQ(hasher.digest(), Digest::of(Algorithm::sha256, "abc"));
}

TEST(Hasher, ThawsAtEveryByteOfTwoBlocks) {
  const std::string bytes = sample(300);
  for (const Algorithm algorithm : {Algorithm::sha256, Algorithm::sha512}) {
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      Hasher first(algorithm);
      first.update(as_span(std::string_view(bytes).substr(0, cut)));
      const std::string state = first.freeze();
      EXPECT_LT(state.size(), 300U);
      auto second = Hasher::thaw(algorithm, state);
      ASSERT_TRUE(second) << cut;
      EXPECT_EQ(second->freeze(), state);
      second->update(as_span(std::string_view(bytes).substr(cut)));
      EXPECT_EQ(second->digest(), Digest::of(algorithm, bytes)) << cut;
    }
  }
}

// What Go's sha256.New(), after Write("hello"), gives from MarshalBinary().
TEST(Hasher, FreezesInTheFormatOfGo) {
  Hasher hasher(Algorithm::sha256);
  hasher.update(as_span("hello"));
  EXPECT_EQ(hex_encode(hasher.freeze()),
            "736861036a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"
            "68656c6c6f" +
                std::string(2 * 59, '0') + "0000000000000005");
}

TEST(Hasher, ThawRefusesDamage) {
  Hasher hasher(Algorithm::sha256);
  hasher.update(as_span("hello"));
  const std::string state = hasher.freeze();
  EXPECT_FALSE(Hasher::thaw(Algorithm::sha256, ""));
  EXPECT_FALSE(Hasher::thaw(Algorithm::sha512, state));
  EXPECT_FALSE(Hasher::thaw(Algorithm::sha256, state.substr(1)));
  EXPECT_FALSE(Hasher::thaw(Algorithm::sha256, state + '\0'));
  std::string other_version = state;
  other_version[3] = '\x02';
  EXPECT_FALSE(Hasher::thaw(Algorithm::sha256, other_version));
  std::string padded = state;
  padded[4 + 32 + 63] = 'x';  // behind the pending bytes
  EXPECT_FALSE(Hasher::thaw(Algorithm::sha256, padded));
  std::string endless = state;
  endless[state.size() - 8] = '\x7f';
  EXPECT_FALSE(Hasher::thaw(Algorithm::sha256, endless));
}

// More than 512 MiB of bits: the count that goes over 32 bits must survive freezing.
TEST(Hasher, CountsPastFourGigabits) {
  const std::string mebibyte = sample(1 << 20);
  Hasher whole(Algorithm::sha256);
  for (int i = 0; i < 520; ++i) whole.update(as_span(mebibyte));
  auto thawed = Hasher::thaw(Algorithm::sha256, whole.freeze());
  ASSERT_TRUE(thawed);
  whole.update(as_span("x"));
  thawed->update(as_span("x"));
  EXPECT_EQ(thawed->digest(), whole.digest());
}

}  // namespace
}  // namespace bunker::registry
