#include "registryd/config/suggest.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace bunker::config {
namespace {

constexpr std::size_t kMaxWord = 64;  // longer words are not misspelt keys
constexpr std::size_t kMaxDistance = 3;
constexpr std::size_t kMinStem = 4;  // shorter beginnings are shared by chance

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Optimal string alignment distance, blind to case; anything above `bound` once it is that far.
std::size_t distance(std::string_view a, std::string_view b, std::size_t bound) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    if (std::ranges::min(row) > bound && std::ranges::min(last) > bound) return bound + 1;
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
  std::string_view best;
  if (word.empty() || word.size() > kMaxWord) return best;
  std::size_t best_distance = kMaxWord;
  for (const std::string_view name : names) {
    const std::size_t bound = std::clamp<std::size_t>(name.size() / 3, 1, kMaxDistance);
    const std::size_t longer = std::max(word.size(), name.size());
    if (longer - std::min(word.size(), name.size()) > bound) continue;  // spares the reckoning
    const std::size_t far = distance(word, name, bound);
    if (far < best_distance && far <= bound) {
      best = name;
      best_distance = far;
    }
  }
  if (!best.empty() || word.size() < kMinStem) return best;
  // "rootdir" for "rootdirectory", and the other way round.
  for (const std::string_view name : names) {
    if (name.starts_with(word) || (name.size() >= kMinStem && word.starts_with(name))) return name;
  }
  return best;
}

}  // namespace bunker::config
