// Manifests: what a document that was pushed says, checked so strictly that no two clients can read
// it differently (CVE-2021-41190). Whether what it refers to exists is for Registry to check. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "registryd/core/digest.h"

namespace bunker::registry {

namespace media_type {
inline constexpr std::string_view kOciImage = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciArtifact = "application/vnd.oci.artifact.manifest.v1+json";
inline constexpr std::string_view kDockerImage =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerSchema1 =
    "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view kDockerSchema1Signed =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";
}  // namespace media_type

// Whether `type` names a manifest, as opposed to a blob.
[[nodiscard]] bool is_manifest_type(std::string_view type) noexcept;
// Whether `type` names a layer that its publisher does not let others hand out (image-spec,
// layer.md "Non-Distributable Layers").
[[nodiscard]] bool is_foreign_layer_type(std::string_view type) noexcept;

struct Platform {
  std::string os;
  std::string architecture;
};

// image-spec, descriptor.md
struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::vector<std::string> urls;
  std::optional<Platform> platform;
};

enum class ManifestKind { image, index, artifact };

struct ManifestContent {
  ManifestKind kind = ManifestKind::image;
  std::string media_type;            // one of the supported types, as the document is to be served
  std::optional<Descriptor> config;  // an image's
  std::vector<Descriptor> layers;    // an image's layers, or an artifact's blobs
  std::vector<Descriptor> children;  // an index's
  std::optional<Descriptor> subject;
  std::string artifact_type;  // of an image that has none: its config's media type
  std::vector<std::pair<std::string, std::string>> annotations;
};

// Reads and checks a manifest. `content_type`: the request's header, parameters and all; empty
// where there was none. MANIFEST_INVALID, with the field that is wrong.
[[nodiscard]] Result<ManifestContent> parse_manifest(std::string_view bytes,
                                                     std::string_view content_type);

// The media type to serve stored bytes as, whoever stored them: what the document says, else what
// it looks like. Never fails.
[[nodiscard]] std::string stored_media_type(std::string_view bytes);

}  // namespace bunker::registry
