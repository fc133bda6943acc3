// Packs the JSON of objects of one kind: deflate with the first of each sort seen as its
// dictionary, so that what all of them have in common costs next to nothing. For ObjectCache alone.
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
  [[nodiscard]] std::string deflated(std::string_view text) const;

  // Grows in front alone: all that is packed refers to it, and counts from its end.
  std::string dictionary_;
};

}  // namespace bunker::kube
