#include "registryd/api/path.h"

namespace bunker::api {
namespace {

// Cuts the last segment and its '/' off `rest` and returns it.
std::string_view pop(std::string_view& rest) noexcept {
  const std::size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos) {
    const std::string_view all = rest;
    rest = {};
    return all;
  }
  const std::string_view last = rest.substr(slash + 1);
  rest = rest.substr(0, slash);
  return last;
}

Target in_repository(Resource resource, std::string_view name, std::string_view item) noexcept {
  // Without a name there is no repository: "/v2/manifests/x" is no endpoint at all.
  if (name.empty()) return {};
  return {resource, name, item};
}

}  // namespace

Target parse_path(std::string_view path, std::string_view prefix) noexcept {
  if (path == "/") return {Resource::root, {}, {}};
  if (!path.starts_with(prefix)) return {};
  path.remove_prefix(prefix.size());
  constexpr std::string_view kBase = "/v2";
  if (!path.starts_with(kBase)) return {};
  path.remove_prefix(kBase.size());
  if (path.empty() || path == "/") return {Resource::base, {}, {}};
  if (path.front() != '/') return {};
  path.remove_prefix(1);
  if (path == "_catalog") return {Resource::catalog, {}, {}};

  std::string_view rest = path;
  const std::string_view item = pop(rest);
  const std::string_view before = pop(rest);
  if (before == "manifests" && !item.empty()) return in_repository(Resource::manifest, rest, item);
  if (before == "blobs") {
    // ".../blobs/uploads" without its slash begins an upload too: no digest has that form.
    if (item == "uploads") return in_repository(Resource::uploads, rest, {});
    if (!item.empty()) return in_repository(Resource::blob, rest, item);
    return {};
  }
  if (before == "tags" && item == "list") return in_repository(Resource::tags, rest, {});
  if (before == "referrers" && !item.empty()) return in_repository(Resource::referrers, rest, item);
  if (before == "uploads" && pop(rest) == "blobs") {
    if (item.empty()) return in_repository(Resource::uploads, rest, {});
    return in_repository(Resource::upload, rest, item);
  }
  return {};
}

}  // namespace bunker::api
