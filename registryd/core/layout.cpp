#include "registryd/core/layout.h"

#include <initializer_list>

namespace bunker::registry::layout {
namespace {

constexpr std::string_view kLayers = "/_layers/";
constexpr std::string_view kManifests = "/_manifests/";
constexpr std::string_view kRevisions = "/_manifests/revisions/";
constexpr std::string_view kTags = "/_manifests/tags/";
constexpr std::string_view kUploads = "/_uploads/";
constexpr std::string_view kReferrers = "/_referrers/";
constexpr std::string_view kCurrent = "current/link";
constexpr std::string_view kIndex = "index/";
constexpr std::string_view kLink = "link";
constexpr std::size_t kShard = 2;  // hex digits that spread blobs over folders

std::string join(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string out;
  out.reserve(size);
  for (const std::string_view part : parts) out += part;
  return out;
}

// Removes what is before the first '/' from `rest`, and the '/'; nullopt when there is none.
std::optional<std::string_view> take_segment(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view segment = rest.substr(0, slash);
  rest.remove_prefix(slash + 1);
  return segment;
}

// Takes "<alg>/<hex>/".
std::optional<Digest> take_digest(std::string_view& rest) {
  const auto algorithm = take_segment(rest);
  if (!algorithm) return std::nullopt;
  const auto hex = take_segment(rest);
  if (!hex) return std::nullopt;
  auto digest = Digest::parse(join({*algorithm, ":", *hex}));
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

// "<alg>/<hex>/link"
std::optional<Digest> parse_digest_link(std::string_view rest) {
  auto digest = take_digest(rest);
  if (!digest || rest != kLink) return std::nullopt;
  return digest;
}

std::optional<Location> parse_blob(std::string_view rest) {
  const auto algorithm = take_segment(rest);
  if (!algorithm) return std::nullopt;
  const auto shard = take_segment(rest);
  if (!shard) return std::nullopt;
  const auto hex = take_segment(rest);
  if (!hex || rest != "data" || !hex->starts_with(*shard) || shard->size() != kShard) {
    return std::nullopt;
  }
  auto digest = Digest::parse(join({*algorithm, ":", *hex}));
  if (!digest) return std::nullopt;
  return BlobData{*std::move(digest)};
}

std::optional<Location> parse_tag(RepositoryName name, std::string_view rest) {
  const auto segment = take_segment(rest);
  if (!segment) return std::nullopt;
  auto tag = Tag::parse(*segment);
  if (!tag) return std::nullopt;
  if (rest == kCurrent) return TagCurrent{std::move(name), *std::move(tag)};
  if (!rest.starts_with(kIndex)) return std::nullopt;
  auto digest = parse_digest_link(rest.substr(kIndex.size()));
  if (!digest) return std::nullopt;
  return TagIndex{std::move(name), *std::move(tag), *std::move(digest)};
}

std::optional<Location> parse_upload(RepositoryName name, std::string_view rest) {
  const auto uuid = take_segment(rest);
  if (!uuid || !is_upload_uuid(*uuid) || rest.empty()) return std::nullopt;
  return UploadFile{std::move(name), std::string(*uuid), std::string(rest)};
}

std::optional<Location> parse_referrer(RepositoryName name, std::string_view rest) {
  auto subject = take_digest(rest);
  if (!subject) return std::nullopt;
  auto referrer = parse_digest_link(rest);
  if (!referrer) return std::nullopt;
  return ReferrerLink{std::move(name), *std::move(subject), *std::move(referrer)};
}

// `folder` is what lies in the repository: "/_layers/…".
std::optional<Location> parse_in_repository(RepositoryName name, std::string_view folder) {
  if (folder.starts_with(kLayers)) {
    auto digest = parse_digest_link(folder.substr(kLayers.size()));
    if (!digest) return std::nullopt;
    return LayerLink{std::move(name), *std::move(digest)};
  }
  if (folder.starts_with(kRevisions)) {
    auto digest = parse_digest_link(folder.substr(kRevisions.size()));
    if (!digest) return std::nullopt;
    return RevisionLink{std::move(name), *std::move(digest)};
  }
  if (folder.starts_with(kTags)) return parse_tag(std::move(name), folder.substr(kTags.size()));
  if (folder.starts_with(kUploads)) {
    return parse_upload(std::move(name), folder.substr(kUploads.size()));
  }
  if (folder.starts_with(kReferrers)) {
    return parse_referrer(std::move(name), folder.substr(kReferrers.size()));
  }
  return std::nullopt;
}

}  // namespace

ObjectKey blob_data(const Digest& digest) {
  const std::string_view hex = digest.hex();
  return join(
      {kBlobs, to_string(digest.algorithm()), "/", hex.substr(0, kShard), "/", hex, "/data"});
}

ObjectKey layer_link(const RepositoryName& name, const Digest& digest) {
  return join({kRepositories, name.str(), kLayers, to_string(digest.algorithm()), "/", digest.hex(),
               "/", kLink});
}

std::string layers_prefix(const RepositoryName& name) {
  return join({kRepositories, name.str(), kLayers});
}

std::string manifests_prefix(const RepositoryName& name) {
  return join({kRepositories, name.str(), kManifests});
}

ObjectKey revision_link(const RepositoryName& name, const Digest& digest) {
  return join({kRepositories, name.str(), kRevisions, to_string(digest.algorithm()), "/",
               digest.hex(), "/", kLink});
}

std::string tags_prefix(const RepositoryName& name) {
  return join({kRepositories, name.str(), kTags});
}

std::string tag_prefix(const RepositoryName& name, const Tag& tag) {
  return join({kRepositories, name.str(), kTags, tag.str(), "/"});
}

ObjectKey tag_current(const RepositoryName& name, const Tag& tag) {
  return join({kRepositories, name.str(), kTags, tag.str(), "/", kCurrent});
}

ObjectKey tag_index(const RepositoryName& name, const Tag& tag, const Digest& digest) {
  return join({kRepositories, name.str(), kTags, tag.str(), "/", kIndex,
               to_string(digest.algorithm()), "/", digest.hex(), "/", kLink});
}

std::string upload_prefix(const RepositoryName& name, std::string_view uuid) {
  return join({kRepositories, name.str(), kUploads, uuid, "/"});
}

ObjectKey upload_data(const RepositoryName& name, std::string_view uuid) {
  return join({kRepositories, name.str(), kUploads, uuid, "/data"});
}

std::string referrers_prefix(const RepositoryName& name, const Digest& subject) {
  return join({kRepositories, name.str(), kReferrers, to_string(subject.algorithm()), "/",
               subject.hex(), "/"});
}

ObjectKey referrer_link(const RepositoryName& name, const Digest& subject, const Digest& referrer) {
  return join({kRepositories, name.str(), kReferrers, to_string(subject.algorithm()), "/",
               subject.hex(), "/", to_string(referrer.algorithm()), "/", referrer.hex(), "/",
               kLink});
}

std::optional<Location> parse_key(std::string_view key) {
  if (key.starts_with(kBlobs)) return parse_blob(key.substr(kBlobs.size()));
  if (!key.starts_with(kRepositories)) return std::nullopt;
  key.remove_prefix(kRepositories.size());
  // No component of a name begins with '_', so the first that does ends the name.
  const std::size_t end = key.find("/_");
  if (end == std::string_view::npos) return std::nullopt;
  auto name = RepositoryName::parse(key.substr(0, end));
  if (!name) return std::nullopt;
  return parse_in_repository(*std::move(name), key.substr(end));
}

std::optional<Digest> parse_link(std::string_view content) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t start = content.find_first_not_of(kSpace);
  if (start == std::string_view::npos) return std::nullopt;
  content = content.substr(start, content.find_last_not_of(kSpace) - start + 1);
  auto digest = Digest::parse(content);
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

bool is_upload_uuid(std::string_view text) noexcept {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != kShape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (kShape[i] == '-' ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace bunker::registry::layout
