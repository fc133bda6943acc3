// Names, digests, references, keys, links, hash states and upload tokens: what is accepted prints
// as it was, and nothing breaks the parsers.
#include <cstdint>
#include <string_view>

#include "lib/base/encoding.h"
#include "registryd/core/layout.h"
#include "registryd/core/upload_token.h"
#include "tests/fuzz/require.h"

namespace {

using namespace bunker::registry;

using bunker::fuzz::require;

void check_names(std::string_view text) {
  if (const auto name = RepositoryName::parse(text)) {
    require(name->str() == text && text.size() <= 255 && !text.contains("//"));
  }
  if (const auto tag = Tag::parse(text)) require(tag->str() == text && text.size() <= 128);
  if (const auto reference = parse_reference(text)) require(to_string(*reference) == text);
  if (const auto digest = Digest::parse(text)) {
    require(digest->str() == text);
    const auto location = layout::parse_key(layout::blob_data(*digest));
    require(location && std::get<layout::BlobData>(*location).digest == *digest);
  }
}

// A key that parses names what it says it names.
void check_key(std::string_view key) {
  const auto location = layout::parse_key(key);
  if (!location) return;
  if (const auto* index = std::get_if<layout::TagIndex>(&*location)) {
    require(layout::tag_index(index->name, index->tag, index->digest) == key);
  }
  if (const auto* link = std::get_if<layout::LayerLink>(&*location)) {
    require(layout::layer_link(link->name, link->digest) == key);
  }
  if (const auto* link = std::get_if<layout::ReferrerLink>(&*location)) {
    require(layout::referrer_link(link->name, link->subject, link->referrer) == key);
  }
  if (const auto* upload = std::get_if<layout::UploadFile>(&*location)) {
    require(layout::upload_prefix(upload->name, upload->uuid) + upload->file == key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_names(text);
  check_key(text);
  check_key(std::string(layout::kRepositories) + std::string(text));
  check_key(std::string(layout::kBlobs) + std::string(text));
  if (const auto digest = layout::parse_link(text)) require(text.contains(digest->str()));
  const auto state = bunker::hex_decode(text);
  for (const Algorithm algorithm : {Algorithm::sha256, Algorithm::sha512}) {
    if (!state) continue;
    if (const auto hasher = Hasher::thaw(algorithm, *state)) require(hasher->freeze() == *state);
  }
  const auto name = RepositoryName::parse("a");
  require(!unseal_upload(text, "secret", *name, "00000000-0000-4000-8000-000000000000"));
  return 0;
}
