// One request on its way through an endpoint: what the endpoint may look at and use.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/runtime/context.h"
#include "registryd/api/api.h"
#include "registryd/api/path.h"
#include "registryd/api/urls.h"
#include "registryd/auth/authenticator.h"
#include "registryd/core/digest.h"
#include "registryd/core/names.h"

namespace bunker::api {

// Owned by the frame that runs the endpoint, and outlives it.
struct Call {
  Context& context;
  http::Request& request;
  const Services& services;
  const Options& options;
  const Urls& urls;
  Target target;
  auth::Identity identity;

  // The path's parts as values; their errors are the client's (NAME_INVALID, DIGEST_INVALID, …).
  [[nodiscard]] Result<registry::RepositoryName> name() const;
  [[nodiscard]] Result<registry::Reference> reference() const;
  [[nodiscard]] Result<registry::Digest> digest() const;

  // Whether who asks may also pull from `repository`; nullopt: from every repository.
  [[nodiscard]] bool may_pull(const std::optional<registry::RepositoryName>& repository) const;
};

// A response whose body is `json`, already encoded.
[[nodiscard]] http::Response json_response(std::string json,
                                           std::string_view type = "application/json");

// Appends `text` as a JSON string with its quotes, and `texts` as an array of them.
void append_json_string(std::string& out, std::string_view text);
void append_json_strings(std::string& out, const std::vector<std::string>& texts);

}  // namespace bunker::api
