// What an API server sends: watches however they are cut, lists and objects.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/kube/decode.h"
#include "lib/kube/watch.h"

using namespace bunker::kube;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t whole = 0;
  std::size_t cut = 0;
  WatchDecoder at_once;
  const bool good = at_once.feed(text, [&](WatchEvent) { ++whole; }).has_value();
  WatchDecoder bytewise;
  bool still_good = true;
  for (std::size_t i = 0; i < size && still_good; ++i) {
    still_good = bytewise.feed(text.substr(i, 1), [&](WatchEvent) { ++cut; }).has_value();
  }
  if (good != still_good || whole != cut) __builtin_trap();
  if (const auto list = split_list(text)) {
    for (const std::string_view item : list->items) {
      if (item.data() < text.data() || item.data() + item.size() > text.data() + size) {
        __builtin_trap();
      }
      static_cast<void>(decode_object(item));
    }
  }
  return 0;
}
