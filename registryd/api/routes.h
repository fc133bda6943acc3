// Where a request goes.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/http/message.h"
#include "registryd/api/endpoints.h"
#include "registryd/api/path.h"

namespace bunker::api {

// What the caller must be allowed to do before an endpoint runs or a body is read.
enum class Needs : std::uint8_t { nothing, login, catalog, pull, push, remove };

struct Route {
  http::Method method;
  Resource resource;
  Needs needs;
  Answer (*answer)(Call&);
  std::string_view event;  // what the audit log calls it
};

// The route of a request, or null: the method is not one of allowed_methods(). HEAD falls back on
// GET's route; the caller then drops the body.
[[nodiscard]] const Route* find_route(Resource resource, http::Method method) noexcept;

// The Allow header of a resource, e.g. "GET, HEAD, PUT, DELETE, OPTIONS".
[[nodiscard]] std::string_view allowed_methods(Resource resource) noexcept;

// distribution's handler label in the metrics: "manifest", "blob_upload_chunk", …
[[nodiscard]] std::string_view metrics_name(Resource resource) noexcept;

}  // namespace bunker::api
