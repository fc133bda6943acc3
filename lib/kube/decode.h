// Reads an API server's answers: objects, lists and errors. Pure. For lib/kube's own clients.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "lib/base/result.h"
#include "lib/kube/object.h"

namespace bunker::kube {

// The JSON of `text` without any managedFields; null where it is none.
[[nodiscard]] nlohmann::json decode_json(std::string_view text);

// As Object::parse(), without metadata.managedFields, which is often the larger half.
[[nodiscard]] Result<Object> decode_object(std::string_view text);

// A list, cut into its items without parsing them: a page is megabytes of text, and would be ten
// times that as a tree.
struct ListText {
  std::vector<std::string_view> items;  // JSON texts within the list's
  std::string resource_version;
  std::string continue_token;
};
// invalid: not a list. The items' own syntax is not checked.
[[nodiscard]] Result<ListText> split_list(std::string_view text);

// The error that an answer with `http_status` (>= 300, or 0 for none) and `body` (a Status, where
// the API server itself answered) means. `what` says what was asked for: "get apps/v1 Deployment
// prod/web".
[[nodiscard]] Error status_error(int http_status, std::string_view body, std::string_view what);

}  // namespace bunker::kube
