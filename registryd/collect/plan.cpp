#include "registryd/collect/plan.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "registryd/core/layout.h"

namespace bunker::collect {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"revision", "layer", "entry", "data"};

// Layer links and other entries go together; what they lead to comes after.
std::tuple<int, std::uint32_t> stage(const Item& item) noexcept {
  switch (item.kind) {
    case Kind::revision:
      return {0, item.level};
    case Kind::layer:
    case Kind::entry:
      return {1, 0};
    case Kind::data:
      return {2, 0};
  }
  return {2, 0};
}

}  // namespace

std::string_view to_string(Kind kind) noexcept {
  return kNames.at(static_cast<std::size_t>(kind));
}

storage::ObjectKey Item::object_key() const {
  return kind == Kind::data ? registry::layout::blob_data(digest.unpack()) : key;
}

bool same_stage(const Item& a, const Item& b) noexcept {
  return stage(a) == stage(b);
}

void sort_for_deletion(std::vector<Item>& items) {
  std::ranges::sort(items, [](const Item& a, const Item& b) {
    return std::tuple(stage(a), a.digest) < std::tuple(stage(b), b.digest);
  });
}

}  // namespace bunker::collect
