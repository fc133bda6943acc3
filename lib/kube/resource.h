// Where objects of a kind are found on an API server: names and URL paths, pure.
// Not for asking the server what it serves: Client::discover(). Thread rule: plain values.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/kube/object.h"

namespace bunker::kube {

struct Resource {
  Gvk gvk;
  std::string plural;  // "deployments"
  bool namespaced = true;

  auto operator<=>(const Resource&) const = default;
};

// A kind that every supported API server serves; nullopt: not one of those.
[[nodiscard]] std::optional<Resource> builtin_resource(const Gvk& gvk);

// "/apis/apps/v1/namespaces/NS/deployments"; an empty `ns` means all namespaces.
[[nodiscard]] std::string collection_path(const Resource& resource, std::string_view ns);

// "/apis/apps/v1/namespaces/NS/deployments/NAME[/SUBRESOURCE]".
[[nodiscard]] std::string object_path(const Resource& resource, const ObjectKey& key,
                                      std::string_view subresource = {});

// "/apis/apps/v1", "/api/v1".
[[nodiscard]] std::string group_path(std::string_view group, std::string_view version);

// `path` with the pairs that have a value as its query, percent-encoded.
[[nodiscard]] std::string with_query(
    std::string path, std::initializer_list<std::pair<std::string_view, std::string>> pairs);

}  // namespace bunker::kube
