// What an API server sends: watches however they are cut, lists and objects.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/kube/decode.h"
#include "lib/kube/watch.h"

using namespace bunker;
using namespace bunker::kube;

namespace {

// The items of a list that arrives in pieces of `piece` bytes, and whether it is one.
std::pair<std::vector<std::string>, bool> read_list(std::string_view text, std::size_t piece) {
  ListDecoder decoder;
  std::pair<std::vector<std::string>, bool> out;
  const auto each = [&out](std::string_view item) -> Result<void> {
    out.first.emplace_back(item);
    return {};
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (!decoder.feed(text.substr(at, piece), each)) return out;
  }
  out.second = decoder.finish().has_value();
  return out;
}

}  // namespace

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
  const auto list = read_list(text, size == 0 ? 1 : size);
  if (list != read_list(text, 1)) __builtin_trap();
  for (const std::string& item : list.first) static_cast<void>(decode_object(item));
  static_cast<void>(decode_object(text));
  return 0;
}
