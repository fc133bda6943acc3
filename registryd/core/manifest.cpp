#include "registryd/core/manifest.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include <nlohmann/json.hpp>

#include "lib/base/strict_json.h"
#include "registryd/core/errors.h"
#include "registryd/core/in_quotes.h"

namespace bunker::registry {
namespace {

using nlohmann::json;

constexpr std::string_view kSupported =
    "supported are OCI image manifests and indexes, OCI artifact manifests, Docker schema 2 "
    "manifests "
    "and manifest lists";

constexpr auto kManifestFields =
    std::to_array<std::string_view>({"schemaVersion", "mediaType", "artifactType", "config",
                                     "layers", "manifests", "blobs", "subject", "annotations"});
constexpr auto kDescriptorFields = std::to_array<std::string_view>(
    {"mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"});

std::unexpected<Error> invalid(std::string message, std::string detail = {}) {
  return fail(Code::invalid, std::move(message), std::move(detail), reason::kManifestInvalid);
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

// `text` as Go's encoding/json compares keys: without case, where two letters outside ASCII fold to
// ones inside it (U+017F to 's', U+212A to 'k').
std::string folded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t used = 1;
    char c = lower(text.front());
    if (text.starts_with("\u017F")) {
      c = 's';
      used = 2;
    } else if (text.starts_with("\u212A")) {
      c = 'k';
      used = 3;
    }
    out += c;
    text.remove_prefix(used);
  }
  return out;
}

// Refuses keys that some parsers take for one of `fields` and others do not.
Result<void> check_spelling(const json& object, std::span<const std::string_view> fields,
                            const std::string& where) {
  constexpr std::size_t kLongest = 32;
  for (const auto& [key, value] : object.items()) {
    if (key.size() > kLongest || std::ranges::find(fields, key) != fields.end()) continue;
    const std::string plain = folded(key);
    for (const std::string_view field : fields) {
      if (plain == lowered(field)) {
        return invalid(where + " has the key " + in_quotes(key) + ", which some clients read as '" +
                       std::string(field) + "' and others ignore");
      }
    }
  }
  return {};
}

// The value of `name`; nullptr where it is absent or null.
const json* find(const json& object, std::string_view name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return nullptr;
  return &*found;
}

Result<std::string> read_string(const json& object, std::string_view name,
                                const std::string& where) {
  const json* value = find(object, name);
  if (value == nullptr) return std::string();
  if (!value->is_string()) {
    return invalid(where + "." + std::string(name) + " is not a string");
  }
  return value->get<std::string>();
}

// RFC 6838 §4.2, loosely: "type/subtype" of printable characters without spaces.
bool is_media_type(std::string_view text) noexcept {
  constexpr std::size_t kLongest = 255;
  const std::size_t slash = text.find('/');
  if (text.size() > kLongest || slash == std::string_view::npos || slash == 0 ||
      slash + 1 == text.size()) {
    return false;
  }
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '"'; });
}

using Annotations = std::vector<std::pair<std::string, std::string>>;

Result<Annotations> read_annotations(const json& object, const std::string& where) {
  Annotations out;
  const json* annotations = find(object, "annotations");
  if (annotations == nullptr) return out;
  if (!annotations->is_object()) return invalid(where + ".annotations is not an object");
  out.reserve(annotations->size());
  for (const auto& [key, value] : annotations->items()) {
    if (!value.is_string()) {
      return invalid(where + ".annotations[" + in_quotes(key) + "] is not a string");
    }
    out.emplace_back(key, value.get_ref<const std::string&>());
  }
  return out;
}

Result<std::optional<Platform>> read_platform(const json& descriptor, const std::string& where) {
  const json* platform = find(descriptor, "platform");
  if (platform == nullptr) return std::nullopt;
  if (!platform->is_object()) return invalid(where + ".platform is not an object");
  BUNKER_TRY_ASSIGN(std::string os, read_string(*platform, "os", where + ".platform"));
  BUNKER_TRY_ASSIGN(std::string architecture,
                    read_string(*platform, "architecture", where + ".platform"));
  return Platform{std::move(os), std::move(architecture)};
}

Result<std::vector<std::string>> read_urls(const json& descriptor, const std::string& where) {
  std::vector<std::string> out;
  const json* urls = find(descriptor, "urls");
  if (urls == nullptr) return out;
  if (!urls->is_array()) return invalid(where + ".urls is not an array");
  for (const json& url : *urls) {
    if (!url.is_string()) return invalid(where + ".urls holds something that is not a string");
    out.push_back(url.get<std::string>());
  }
  return out;
}

Result<std::uint64_t> read_size(const json& descriptor, const std::string& where) {
  const json* size = find(descriptor, "size");
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (size == nullptr || !size->is_number_unsigned() || size->get<std::uint64_t>() > kLargest) {
    return invalid(where + ".size is not a non-negative integer of 63 bits");
  }
  return size->get<std::uint64_t>();
}

Result<Descriptor> read_descriptor(const json& value, const std::string& where) {
  if (!value.is_object()) return invalid(where + " is not an object");
  BUNKER_TRY(check_spelling(value, kDescriptorFields, where));
  BUNKER_TRY_ASSIGN(std::string type, read_string(value, "mediaType", where));
  if (!is_media_type(type)) return invalid(where + ".mediaType is not a media type");
  BUNKER_TRY_ASSIGN(const std::string text, read_string(value, "digest", where));
  auto digest = Digest::parse(text);
  if (!digest) return invalid(where + ".digest: " + digest.error().message, digest.error().detail);
  BUNKER_TRY_ASSIGN(const std::uint64_t size, read_size(value, where));
  BUNKER_TRY_ASSIGN(auto urls, read_urls(value, where));
  BUNKER_TRY_ASSIGN(auto platform, read_platform(value, where));
  BUNKER_TRY(read_annotations(value, where));
  BUNKER_TRY(read_string(value, "artifactType", where));
  return Descriptor{std::move(type), *std::move(digest), size, std::move(urls),
                    std::move(platform)};
}

Result<std::vector<Descriptor>> read_descriptors(const json& document, std::string_view name) {
  std::vector<Descriptor> out;
  const json* array = find(document, name);
  if (array == nullptr) return out;
  if (!array->is_array()) return invalid(std::string(name) + " is not an array");
  out.reserve(array->size());
  for (const json& value : *array) {
    BUNKER_TRY_ASSIGN(
        Descriptor descriptor,
        read_descriptor(value, std::string(name) + "[" + std::to_string(out.size()) + "]"));
    out.push_back(std::move(descriptor));
  }
  return out;
}

std::string guessed_type(const json& document) {
  return std::string(find(document, "manifests") != nullptr ? media_type::kOciIndex
                                                            : media_type::kOciImage);
}

bool is_schema1(const json& document) {
  const json* version = find(document, "schemaVersion");
  return version != nullptr && *version == 1;
}

// "Type/Subtype; charset=utf-8" → "type/subtype"
std::string essence(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  constexpr std::string_view kSpace = " \t";
  const std::size_t start = content_type.find_first_not_of(kSpace);
  if (start == std::string_view::npos) return {};
  const std::size_t end = content_type.find_last_not_of(kSpace);
  return lowered(content_type.substr(start, end - start + 1));
}

// What the document is, from what the request says, what it says itself and what it looks like.
Result<std::string> decide_type(const json& document, std::string_view content_type) {
  const std::string declared = essence(content_type);
  BUNKER_TRY_ASSIGN(const std::string own, read_string(document, "mediaType", "the manifest"));
  std::string type = declared.empty() ? own : declared;
  if (type.empty()) type = guessed_type(document);
  if (is_schema1(document) || type == media_type::kDockerSchema1 ||
      type == media_type::kDockerSchema1Signed) {
    return invalid("Docker schema 1 manifests are not supported",
                   "push the image again with Docker 1.10 or newer, or any OCI tool");
  }
  if (!is_manifest_type(type)) {
    return invalid("the media type " + in_quotes(type) + " is not that of a manifest",
                   "set Content-Type to the manifest's mediaType; " + std::string(kSupported));
  }
  if (!declared.empty() && !own.empty() && declared != own) {
    return invalid("the manifest says mediaType " + in_quotes(own) +
                       " but was sent as Content-Type " + in_quotes(declared),
                   "both must be the same");
  }
  // Whoever reads the stored bytes later has nothing else to tell the type by.
  if (own.empty() && type != guessed_type(document)) {
    return invalid("the manifest names no mediaType and does not look like " + type,
                   "add \"mediaType\": \"" + type + "\"");
  }
  return type;
}

// Refuses documents that could be taken for another kind than `kind`.
Result<void> check_shape(const json& document, ManifestKind kind) {
  struct Field {
    std::string_view name;
    ManifestKind kind;
  };
  constexpr auto kFields = std::to_array<Field>({{"config", ManifestKind::image},
                                                 {"layers", ManifestKind::image},
                                                 {"manifests", ManifestKind::index},
                                                 {"blobs", ManifestKind::artifact}});
  for (const Field& field : kFields) {
    if (field.kind != kind && find(document, field.name) != nullptr) {
      return invalid("the manifest has the field '" + std::string(field.name) +
                         "', which its media type does not have",
                     "a document that could be read as two kinds of manifest is refused");
    }
  }
  const bool versioned = kind != ManifestKind::artifact;
  const json* version = find(document, "schemaVersion");
  if (versioned && (version == nullptr || *version != 2 || !version->is_number_integer())) {
    return invalid("schemaVersion is not 2");
  }
  return {};
}

ManifestKind kind_of(std::string_view type) noexcept {
  if (type == media_type::kOciIndex || type == media_type::kDockerList) return ManifestKind::index;
  if (type == media_type::kOciArtifact) return ManifestKind::artifact;
  return ManifestKind::image;
}

Result<void> read_references(const json& document, ManifestContent& content) {
  switch (content.kind) {
    case ManifestKind::image: {
      const json* config = find(document, "config");
      if (config == nullptr) return invalid("config is missing");
      if (!document.contains("layers")) return invalid("layers is missing");
      BUNKER_TRY_ASSIGN(content.config, read_descriptor(*config, "config"));
      BUNKER_TRY_ASSIGN(content.layers, read_descriptors(document, "layers"));
      return {};
    }
    case ManifestKind::index: {
      if (!document.contains("manifests")) return invalid("manifests is missing");
      BUNKER_TRY_ASSIGN(content.children, read_descriptors(document, "manifests"));
      return {};
    }
    case ManifestKind::artifact: {
      BUNKER_TRY_ASSIGN(content.layers, read_descriptors(document, "blobs"));
      return {};
    }
  }
  return {};
}

}  // namespace

bool is_manifest_type(std::string_view type) noexcept {
  using namespace media_type;
  return type == kOciImage || type == kOciIndex || type == kOciArtifact || type == kDockerImage ||
         type == kDockerList;
}

bool is_foreign_layer_type(std::string_view type) noexcept {
  return type.starts_with("application/vnd.oci.image.layer.nondistributable.") ||
         type.starts_with("application/vnd.docker.image.rootfs.foreign.");
}

Result<ManifestContent> parse_manifest(std::string_view bytes, std::string_view content_type) {
  auto document = parse_strict_json(bytes);
  if (!document) return invalid("the manifest is refused: " + document.error().message);
  if (!document->is_object()) return invalid("the manifest is not a JSON object");
  BUNKER_TRY(check_spelling(*document, kManifestFields, "the manifest"));
  ManifestContent content;
  BUNKER_TRY_ASSIGN(content.media_type, decide_type(*document, content_type));
  content.kind = kind_of(content.media_type);
  BUNKER_TRY(check_shape(*document, content.kind));
  BUNKER_TRY(read_references(*document, content));
  if (const json* subject = find(*document, "subject")) {
    BUNKER_TRY_ASSIGN(content.subject, read_descriptor(*subject, "subject"));
  }
  BUNKER_TRY_ASSIGN(content.annotations, read_annotations(*document, "the manifest"));
  BUNKER_TRY_ASSIGN(content.artifact_type, read_string(*document, "artifactType", "the manifest"));
  if (content.artifact_type.empty() && content.config) {
    content.artifact_type = content.config->media_type;
  }
  return content;
}

std::string stored_media_type(std::string_view bytes) {
  const json document = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return std::string(media_type::kOciImage);
  if (const json* type = find(document, "mediaType"); type != nullptr && type->is_string()) {
    const auto& text = type->get_ref<const std::string&>();
    if (is_media_type(text)) return text;
  }
  if (is_schema1(document)) return std::string(media_type::kDockerSchema1);
  return guessed_type(document);
}

}  // namespace bunker::registry
