// Manifests: nothing breaks the parser, and what it accepts means the same to whoever reads the
// stored bytes later.
#include "registryd/core/manifest.h"

#include <cstdint>
#include <string_view>

#include "tests/fuzz/require.h"

namespace {

using namespace bunker::registry;

using bunker::fuzz::require;

void check(std::string_view bytes, std::string_view content_type) {
  const auto content = parse_manifest(bytes, content_type);
  const std::string stored = stored_media_type(bytes);
  if (!content) {
    require(!content.error().message.empty());
    return;
  }
  require(is_manifest_type(content->media_type));
  require(stored == content->media_type);
  require((content->kind == ManifestKind::image) == content->config.has_value());
  require(content->kind == ManifestKind::index || content->children.empty());
  require(content->kind != ManifestKind::index || content->layers.empty());
  const auto again = parse_manifest(bytes, content->media_type);
  require(again && again->kind == content->kind);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, {});
  // The first line as Content-Type.
  const std::size_t line = bytes.find('\n');
  if (line != std::string_view::npos) check(bytes.substr(line + 1), bytes.substr(0, line));
  return 0;
}
