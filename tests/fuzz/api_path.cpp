// Paths of requests: parsing never leaves the path, and what it returns puts the path together
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "registryd/api/path.h"

namespace {

using bunker::api::Resource;

std::string rebuild(const bunker::api::Target& target) {
  const std::string name = "/v2/" + std::string(target.name);
  const std::string item(target.item);
  switch (target.resource) {
    case Resource::tags:
      return name + "/tags/list";
    case Resource::manifest:
      return name + "/manifests/" + item;
    case Resource::blob:
      return name + "/blobs/" + item;
    case Resource::uploads:
      return name + "/blobs/uploads/";
    case Resource::upload:
      return name + "/blobs/uploads/" + item;
    case Resource::referrers:
      return name + "/referrers/" + item;
    default:
      return {};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path(reinterpret_cast<const char*>(data), size);
  const bunker::api::Target target = bunker::api::parse_path(path, "");
  const std::string again = rebuild(target);
  if (again.empty()) {
    if (!target.name.empty() || !target.item.empty()) std::abort();
  } else {
    const bool same = again == path || again == path + "/";
    if (!same || target.name.empty() || target.item.find('/') != std::string_view::npos) {
      std::abort();
    }
  }
  const bunker::api::Target prefixed = bunker::api::parse_path("/p" + path, "/p");
  if (path != "/" && prefixed.resource != target.resource) std::abort();
  return 0;
}
