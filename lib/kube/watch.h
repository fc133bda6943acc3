// Decodes what a watch sends: JSON documents, one a line. Sans-IO: bytes in, events out, however
// they are cut. Thread rule: one decoder, one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/kube/object.h"

namespace bunker::kube {

struct WatchEvent {
  enum class Type { added, modified, deleted, bookmark };

  Type type = Type::added;
  Object object;  // of a bookmark: only its resource_version() counts
};

class WatchDecoder {
 public:
  // A longer line than `max_line` bytes is refused.
  explicit WatchDecoder(std::size_t max_line = 16 * 1024 * 1024) : max_line_(max_line) {}

  // Hands the events that `bytes` complete to `each`. An ERROR event is returned as the error that
  // its Status says (out_of_range for 410); invalid: this is no watch's stream. Nothing is decoded
  // after an error.
  Result<void> feed(std::string_view bytes, const std::function<void(WatchEvent)>& each);

 private:
  std::size_t max_line_;
  std::string line_;  // the begin of a line whose end has not come yet
};

}  // namespace bunker::kube
