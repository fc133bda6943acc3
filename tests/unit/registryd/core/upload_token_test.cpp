#include "registryd/core/upload_token.h"

#include <gtest/gtest.h>

#include "lib/base/encoding.h"
#include "lib/base/random.h"
#include "registryd/core/errors.h"

namespace bunker::registry {
namespace {

constexpr std::string_view kSecret = "a secret that replicas share";

Upload sample_upload() {
  Hasher hasher(Algorithm::sha512);
  hasher.update(std::as_bytes(std::span(std::string_view("hello"))));
  return {*RepositoryName::parse("library/alpine"),
          random_uuid(),
          SystemTime(std::chrono::microseconds(1'764'000'000'123'456)),
          Algorithm::sha512,
          5,
          hasher.freeze(),
          std::string("token\0with\xff", 11)};
}

TEST(UploadToken, BringsEveryFieldBack) {
  const Upload upload = sample_upload();
  const std::string token = seal_upload(upload, kSecret);
  const auto back = unseal_upload(token, kSecret, upload.repository, upload.uuid);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->repository, upload.repository);
  EXPECT_EQ(back->uuid, upload.uuid);
  EXPECT_EQ(back->started, upload.started);
  EXPECT_EQ(back->algorithm, upload.algorithm);
  EXPECT_EQ(back->offset, upload.offset);
  EXPECT_EQ(back->hash_state, upload.hash_state);
  EXPECT_EQ(back->store_token, upload.store_token);
}

TEST(UploadToken, StaysUnderTwoThousandBytes) {
  Upload upload = sample_upload();
  upload.repository = *RepositoryName::parse(std::string(255, 'a'));
  upload.offset = ~std::uint64_t{0};
  upload.store_token = std::string(300, '\xff');
  const std::string token = seal_upload(upload, kSecret);
  EXPECT_LT(token.size(), 2000U);
  EXPECT_EQ(
      token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
      std::string::npos);
}

TEST(UploadToken, RefusesAnotherSecret) {
  const Upload upload = sample_upload();
  const auto back =
      unseal_upload(seal_upload(upload, "theirs"), kSecret, upload.repository, upload.uuid);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, Code::invalid);
  EXPECT_EQ(back.error().reason, reason::kBlobUploadInvalid);
  EXPECT_NE(back.error().detail.find("http.secret"), std::string::npos);
}

TEST(UploadToken, RefusesEveryFlippedBit) {
  const Upload upload = sample_upload();
  const std::string sealed = *base64url_decode(seal_upload(upload, kSecret));
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    EXPECT_FALSE(unseal_upload(base64url_encode(changed), kSecret, upload.repository, upload.uuid))
        << at;
  }
}

TEST(UploadToken, RefusesEveryTruncation) {
  const Upload upload = sample_upload();
  const std::string token = seal_upload(upload, kSecret);
  for (std::size_t size = 0; size < token.size(); ++size) {
    EXPECT_FALSE(unseal_upload(token.substr(0, size), kSecret, upload.repository, upload.uuid));
  }
  EXPECT_FALSE(unseal_upload(std::string(5000, 'A'), kSecret, upload.repository, upload.uuid));
  EXPECT_FALSE(unseal_upload("%%%", kSecret, upload.repository, upload.uuid));
}

TEST(UploadToken, BelongsToOneUploadOfOneRepository) {
  const Upload upload = sample_upload();
  const std::string token = seal_upload(upload, kSecret);
  const auto other_uuid = unseal_upload(token, kSecret, upload.repository, random_uuid());
  ASSERT_FALSE(other_uuid);
  EXPECT_EQ(other_uuid.error().reason, reason::kBlobUploadUnknown);
  const auto other_name =
      unseal_upload(token, kSecret, *RepositoryName::parse("theirs"), upload.uuid);
  ASSERT_FALSE(other_name);
  EXPECT_EQ(other_name.error().reason, reason::kBlobUploadUnknown);
}

}  // namespace
}  // namespace bunker::registry
