// Which resource of the API a path names (OCI distribution-spec, "Endpoints"). Pure; checks the
// shape only: the parts are as sent, neither decoded nor valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bunker::api {

enum class Resource : std::uint8_t {
  root,       // /
  base,       // /v2/
  catalog,    // /v2/_catalog
  tags,       // /v2/<name>/tags/list
  manifest,   // /v2/<name>/manifests/<item>
  blob,       // /v2/<name>/blobs/<item>
  uploads,    // /v2/<name>/blobs/uploads/
  upload,     // /v2/<name>/blobs/uploads/<item>
  referrers,  // /v2/<name>/referrers/<item>
  unknown,
};
inline constexpr std::size_t kResources = static_cast<std::size_t>(Resource::unknown) + 1;

struct Target {
  Resource resource = Resource::unknown;
  std::string_view name;  // of the repository; views into the path
  std::string_view item;
};

// `path` is what the client sent, percent-encoded and without its query. `prefix` is "" or begins
// with '/' and does not end with one.
//
// A repository's name may hold any of the words that mark a resource ("a/manifests/b"), so a path
// is read from its end, where the markers have fixed places. Nothing is decoded first: an encoded
// slash never separates, so that what a proxy in front sees is what is served here.
[[nodiscard]] Target parse_path(std::string_view path, std::string_view prefix) noexcept;

}  // namespace bunker::api
