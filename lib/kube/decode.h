// Reads an API server's answers: objects, lists and errors. Pure. For lib/kube's own clients.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "lib/base/result.h"
#include "lib/kube/object.h"

namespace bunker::kube {

// The JSON of `text` without any managedFields; null where it is none.
[[nodiscard]] nlohmann::json decode_json(std::string_view text);

// As Object::parse(), without metadata.managedFields, which is often the larger half.
[[nodiscard]] Result<Object> decode_object(std::string_view text);

// What a list says of itself.
struct ListHead {
  std::string resource_version;
  std::string continue_token;  // empty: there is no more
};

// Reads a list as it arrives and cuts it into its items: it is megabytes of text, and would be ten
// times that as a tree. Thread rule: one thread.
class ListDecoder {
 public:
  // An item of more than `max_item` bytes is refused; etcd takes none of more than 1.5 MiB.
  explicit ListDecoder(std::size_t max_item = std::size_t{16} << 20) : max_item_(max_item) {}

  // Hands over the JSON text of each item that is whole now, valid during the call; its own syntax
  // is not checked. invalid: not a list. What `each` fails with ends it, too.
  [[nodiscard]] Result<void> feed(std::string_view bytes,
                                  const std::function<Result<void>(std::string_view)>& each);
  // After the last byte. invalid: it is not a whole list.
  [[nodiscard]] Result<ListHead> finish() const;

 private:
  [[nodiscard]] bool keep(std::string_view bytes);
  [[nodiscard]] bool at_items() const;

  std::size_t max_item_;
  std::string item_;  // what is here of the item that is being read
  std::string rest_;  // all but the items
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool in_items_ = false;
  bool in_item_ = false;
};

// The error that an answer with `http_status` (>= 300, or 0 for none) and `body` (a Status, where
// the API server itself answered) means. `what` says what was asked for: "get apps/v1 Deployment
// prod/web".
[[nodiscard]] Error status_error(int http_status, std::string_view body, std::string_view what);

}  // namespace bunker::kube
