// Packs the JSON of objects of one kind: deflate with the first objects seen as its dictionary, so
// that what all of them have in common costs next to nothing. For ObjectCache alone.
// Thread rule: one thread at a time.
#pragma once

#include <string>
#include <string_view>

namespace bunker::kube {

class Packer {
 public:
  // unpack(pack(text)) is text.
  [[nodiscard]] std::string pack(std::string_view text);
  [[nodiscard]] std::string unpack(std::string_view packed) const;

 private:
  std::string dictionary_;  // never changed once set: all that is packed refers to it
};

}  // namespace bunker::kube
