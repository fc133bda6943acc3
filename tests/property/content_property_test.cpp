// Digests, names, keys, tokens, manifests: what is printed is parsed back, and nothing that is
// parsed breaks the parser.
#include "lib/base/random.h"
#include "registryd/core/layout.h"
#include "registryd/core/upload_token.h"
#include "tests/property/generators.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

std::span<const std::byte> as_span(std::string_view bytes) {
  return std::as_bytes(std::span(bytes));
}

Algorithm any_algorithm() {
  return *rc::gen::element(Algorithm::sha256, Algorithm::sha512);
}

RC_GTEST_PROP(DigestProperty, DoesNotDependOnHowBytesAreCut, ()) {
  const Algorithm algorithm = any_algorithm();
  const auto pieces = *rc::gen::container<std::vector<std::string>>(
      rc::gen::scale(4, rc::gen::arbitrary<std::string>()));
  Hasher hasher(algorithm);
  std::string whole;
  for (const std::string& piece : pieces) {
    hasher.update(as_span(piece));
    whole += piece;
    auto thawed = Hasher::thaw(algorithm, hasher.freeze());
    RC_ASSERT(thawed.has_value());
    hasher = *std::move(thawed);
  }
  RC_ASSERT(hasher.digest() == Digest::of(algorithm, whole));
}

RC_GTEST_PROP(NamesProperty, ParseGivesBackWhatItAccepts, (std::string text)) {
  if (const auto name = RepositoryName::parse(text)) RC_ASSERT(name->str() == text);
  if (const auto tag = Tag::parse(text)) RC_ASSERT(tag->str() == text);
  if (const auto digest = Digest::parse(text)) RC_ASSERT(digest->str() == text);
}

RC_GTEST_PROP(NamesProperty, GeneratedNamesAreValid, ()) {
  RC_ASSERT(RepositoryName::parse(*repository_name()).has_value());
  RC_ASSERT(Tag::parse(*tag_name()).has_value());
}

RC_GTEST_PROP(LayoutProperty, KeysComeBack, ()) {
  const RepositoryName name = name_of(*repository_name());
  const Tag tag = tag_of(*tag_name());
  const Digest one = Digest::of(any_algorithm(), *rc::gen::arbitrary<std::string>());
  const Digest two = Digest::of(any_algorithm(), *rc::gen::arbitrary<std::string>());

  const auto index = layout::parse_key(layout::tag_index(name, tag, one));
  RC_ASSERT(index.has_value());
  const auto& as_index = std::get<layout::TagIndex>(*index);
  RC_ASSERT(as_index.name == name);
  RC_ASSERT(as_index.tag == tag);
  RC_ASSERT(as_index.digest == one);

  const auto referrer = layout::parse_key(layout::referrer_link(name, one, two));
  RC_ASSERT(referrer.has_value());
  const auto& as_referrer = std::get<layout::ReferrerLink>(*referrer);
  RC_ASSERT(as_referrer.name == name);
  RC_ASSERT(as_referrer.subject == one);
  RC_ASSERT(as_referrer.referrer == two);

  const auto blob = layout::parse_key(layout::blob_data(two));
  RC_ASSERT(blob.has_value());
  RC_ASSERT(std::get<layout::BlobData>(*blob).digest == two);
}

RC_GTEST_PROP(LayoutProperty, AnyKeyCanBeParsed, (std::string tail)) {
  (void)layout::parse_key(tail);
  (void)layout::parse_key(std::string(layout::kBlobs) + tail);
  (void)layout::parse_key(std::string(layout::kRepositories) + tail);
  (void)layout::parse_key(std::string(layout::kRepositories) + "a/_manifests/" + tail);
}

RC_GTEST_PROP(TokenProperty, SealedUploadsComeBack, (std::string state, std::string token)) {
  Upload upload{name_of(*repository_name()),
                random_uuid(),
                SystemTime(std::chrono::microseconds(
                    *rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000))),
                any_algorithm(),
                *rc::gen::arbitrary<std::uint64_t>(),
                state.substr(0, 300),
                token.substr(0, 300)};
  const auto back =
      unseal_upload(seal_upload(upload, "secret"), "secret", upload.repository, upload.uuid);
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->started == upload.started);
  RC_ASSERT(back->algorithm == upload.algorithm);
  RC_ASSERT(back->offset == upload.offset);
  RC_ASSERT(back->hash_state == upload.hash_state);
  RC_ASSERT(back->store_token == upload.store_token);
}

std::string sample_manifest() {
  const std::string subject = ",\"subject\":" + blob_descriptor("s");
  return *rc::gen::element(
      image(blob_descriptor("c"), {blob_descriptor("l"), blob_descriptor("m")}, subject),
      image(blob_descriptor("c"), {}, ",\"annotations\":{\"a\":\"b\"},\"artifactType\":\"a/b\""),
      index_of({descriptor(media_type::kOciImage, sha256_of("i"), 1,
                           ",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}")}),
      std::string(R"({"schemaVersion":2,"manifests":[]})"));
}

// A document that was damaged anywhere is refused, or means the same to all that read it later.
RC_GTEST_PROP(ManifestProperty, DamageIsRefusedOrHarmless, ()) {
  std::string bytes = sample_manifest();
  const int edits = *rc::gen::inRange(0, 4);
  for (int i = 0; i < edits; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        bytes.erase(at, *rc::gen::inRange<std::size_t>(1, 20));
        break;
      case 1:
        bytes[at] = *rc::gen::arbitrary<char>();
        break;
      case 2:
        bytes.insert(at, *rc::gen::element<std::string>("null", "{", "]", ",\"layers\":[]", "-1",
                                                        "\"a\":", "\\u0000", "\xff"));
        break;
      default:
        bytes.insert(at, bytes.substr(*rc::gen::inRange<std::size_t>(0, bytes.size()), 30));
    }
    if (bytes.empty()) bytes = "{";
  }
  const auto type = *rc::gen::element<std::string>("", std::string(media_type::kOciImage),
                                                   std::string(media_type::kOciIndex),
                                                   std::string(media_type::kDockerImage));
  const auto content = parse_manifest(bytes, type);
  const std::string stored = stored_media_type(bytes);
  if (!content) return;
  RC_ASSERT(stored == content->media_type);
  const auto again = parse_manifest(bytes, content->media_type);
  RC_ASSERT(again.has_value());
  RC_ASSERT(again->kind == content->kind);
}

}  // namespace
}  // namespace bunker::registry
