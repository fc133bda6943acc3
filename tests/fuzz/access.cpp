// Access rules: the file that holds them, and the pattern on its first line against the name on its
// second.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "registryd/access/pattern.h"
#include "registryd/access/policy.h"
#include "registryd/config/load.h"
#include "tests/fuzz/require.h"

namespace {

using bunker::fuzz::require;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // What the file's reader lets pass makes a policy, and one that denies by default.
  if (const auto written = bunker::config::parse_policy(text, "fuzz")) {
    const auto policy = bunker::access::Policy::make(*written);
    require(!policy || policy->has_rules());
    if (policy)
      require(policy->knows({}) || !policy->allows({}, "a", bunker::access::Action::pull));
  }
  const std::size_t end = std::min(text.find('\n'), size);
  const std::string name(text.substr(std::min(end + 1, size)));
  if (const auto pattern = bunker::access::RepositoryPattern::parse(text.substr(0, end))) {
    const std::size_t slash = name.rfind('/');
    if (pattern->matches(name) && slash != std::string::npos) {
      require(pattern->may_match_below(name.substr(0, slash)));
    }
    if (pattern->matches_all()) require(pattern->matches(name));
  }
  return 0;
}
