#include "registryd/api/request_id.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "lib/base/random.h"

namespace bunker::api {
namespace {

std::uint64_t random_start() {
  const std::string bytes = random_bytes(sizeof(std::uint64_t));
  std::uint64_t start = 0;
  std::memcpy(&start, bytes.data(), sizeof(start));
  return start;
}

// SplitMix64's finalizer: a bijection, so that distinct counts stay distinct, which hides how many
// requests there were.
std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

bool harmless(std::string_view id) noexcept {
  if (id.empty() || id.size() > 128) return false;
  return std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:=+/@-").contains(c);
  });
}

}  // namespace

RequestIds::RequestIds() : next_(random_start()) {}

std::string RequestIds::id_of(const http::Request& request) {
  const auto given = request.headers.get("X-Request-Id");
  if (given && harmless(*given)) return std::string(*given);
  // Five bits a character: 13 of them fit in a std::string without an allocation.
  constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  std::uint64_t bits = mix(next_.fetch_add(1, std::memory_order_relaxed));
  std::string id(13, '0');
  for (char& c : id) {
    c = kAlphabet[bits & 31];
    bits >>= 5;
  }
  return id;
}

}  // namespace bunker::api
