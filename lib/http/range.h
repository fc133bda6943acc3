// The Range request header (RFC 9110 §14), bytes only. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bunker::http {

struct RangeSpec {
  // first-last, first- (last = nullopt), or the last `suffix` bytes when `first` is nullopt.
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
  std::uint64_t suffix = 0;
};

// The most ranges that one header may name.
inline constexpr std::size_t kMostRanges = 64;

// nullopt: not a valid bytes range; the header is then ignored, as §14.2 asks. Never more than
// kMostRanges: a longer list counts as invalid.
[[nodiscard]] std::optional<std::vector<RangeSpec>> parse_range(std::string_view header);

struct ByteSpan {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // > 0
};

// The satisfiable ranges of a body of `size` bytes, in request order. Empty: answer 416.
[[nodiscard]] std::vector<ByteSpan> resolve(const std::vector<RangeSpec>& specs,
                                            std::uint64_t size);

}  // namespace bunker::http
