#include "registryd/collect/references.h"

#include <gmock/gmock.h>

#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::collect {
namespace {

using registry::blob_descriptor;
using registry::sha256_of;
using registry::sha512_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

PackedDigest packed(std::string_view bytes) {
  return PackedDigest(sha256_of(bytes));
}

TEST(References, OfAnImage) {
  const std::string subject =
      R"(,"subject":)" +
      registry::descriptor(registry::media_type::kOciImage, sha256_of("subject"), 7);
  const auto out = references_of(
      registry::image(blob_descriptor("config"), {blob_descriptor("layer")}, subject));
  EXPECT_THAT(out.holds, ElementsAre(packed("config"), packed("layer")));
  EXPECT_EQ(out.subject, packed("subject"));
}

TEST(References, OfADocumentThatIsNoManifestAreAllDigestsInIt) {
  const auto out = references_of(R"({"fsLayers":[{"blobSum":")" + sha256_of("a").str() +
                                 R"("}],"x":"sha512:12 )" + sha512_of("b").str() + "\"");
  EXPECT_THAT(out.holds, ElementsAre(packed("a"), PackedDigest(sha512_of("b"))));
  EXPECT_THAT(references_of("sha256:").holds, IsEmpty());
}

TEST(PackedDigest, IsWhatItWasMadeOf) {
  EXPECT_EQ(packed("a").unpack(), sha256_of("a"));
  EXPECT_EQ(PackedDigest(sha512_of("b")).unpack(), sha512_of("b"));
}

}  // namespace
}  // namespace bunker::collect
