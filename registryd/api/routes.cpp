#include "registryd/api/routes.h"

#include <array>
#include <cstddef>
#include <string>

namespace bunker::api {
namespace {

using http::Method;

// One line an endpoint. Cancelling an upload needs only the right to push: who may begin one may
// end it.
constexpr std::array kRoutes = {
    Route{Method::get, Resource::root, Needs::nothing, get_root, "alive"},
    Route{Method::get, Resource::base, Needs::login, get_base, "login"},
    Route{Method::get, Resource::catalog, Needs::catalog, list_catalog, "list_repositories"},
    Route{Method::get, Resource::tags, Needs::pull, list_tags, "list_tags"},
    Route{Method::get, Resource::manifest, Needs::pull, get_manifest, "pull_manifest"},
    Route{Method::put, Resource::manifest, Needs::push, put_manifest, "push_manifest"},
    Route{Method::del, Resource::manifest, Needs::remove, delete_manifest, "delete_manifest"},
    Route{Method::get, Resource::blob, Needs::pull, get_blob, "pull_blob"},
    Route{Method::head, Resource::blob, Needs::pull, head_blob, "pull_blob"},
    Route{Method::del, Resource::blob, Needs::remove, delete_blob, "delete_blob"},
    Route{Method::post, Resource::uploads, Needs::push, start_upload, "push_blob"},
    Route{Method::get, Resource::upload, Needs::push, upload_status, "push_blob"},
    Route{Method::patch, Resource::upload, Needs::push, append_upload, "push_blob"},
    Route{Method::put, Resource::upload, Needs::push, finish_upload, "push_blob"},
    Route{Method::del, Resource::upload, Needs::push, cancel_upload, "cancel_upload"},
    Route{Method::get, Resource::referrers, Needs::pull, list_referrers, "list_referrers"},
};

// distribution's names where it has them; "other" counts what is no endpoint.
constexpr std::array<std::string_view, kResources> kMetricsNames = {
    "base", "base",        "catalog",           "tags",      "manifest",
    "blob", "blob_upload", "blob_upload_chunk", "referrers", "other",
};

constexpr std::size_t kMethods = static_cast<std::size_t>(Method::other) + 1;

constexpr std::size_t index_of(Resource resource) {
  return static_cast<std::size_t>(resource);
}
constexpr std::size_t index_of(Method method) {
  return static_cast<std::size_t>(method);
}

using Table = std::array<std::array<const Route*, kMethods>, kResources>;

constexpr Table make_table() {
  Table table{};
  for (const Route& route : kRoutes) {
    table[index_of(route.resource)][index_of(route.method)] = &route;
  }
  for (auto& row : table) {
    if (row[index_of(Method::head)] == nullptr) {
      row[index_of(Method::head)] = row[index_of(Method::get)];
    }
  }
  return table;
}

constexpr Table kTable = make_table();

}  // namespace

const Route* find_route(Resource resource, Method method) noexcept {
  return kTable[index_of(resource)][index_of(method)];
}

std::string_view allowed_methods(Resource resource) noexcept {
  switch (resource) {
    case Resource::root:
    case Resource::base:
    case Resource::catalog:
    case Resource::tags:
    case Resource::referrers:
      return "GET, HEAD, OPTIONS";
    case Resource::manifest:
      return "GET, HEAD, PUT, DELETE, OPTIONS";
    case Resource::blob:
      return "GET, HEAD, DELETE, OPTIONS";
    case Resource::uploads:
      return "POST, OPTIONS";
    case Resource::upload:
      return "GET, HEAD, PATCH, PUT, DELETE, OPTIONS";
    case Resource::unknown:
      return "";
  }
  return "";
}

std::string_view metrics_name(Resource resource) noexcept {
  return kMetricsNames[index_of(resource)];
}

}  // namespace bunker::api
