// The htpasswd file and the Basic header: whatever comes in, what comes out keeps its promises.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/utf8.h"
#include "registryd/auth/basic.h"
#include "registryd/auth/bcrypt.h"
#include "registryd/auth/htpasswd_file.h"
#include "tests/fuzz/require.h"

namespace {

using bunker::fuzz::require;

bool one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto users = bunker::auth::parse_htpasswd(text)) {
    for (const auto& [user, hash] : users->hashes) {
      const int cost = bunker::auth::bcrypt_cost(hash);
      require(!user.empty() && user.find(':') == std::string::npos);
      require(cost >= 4 && cost <= bunker::auth::kMaxBcryptCost);
    }
    require(bunker::auth::bcrypt_cost(users->decoy) != 0);
  }
  if (const auto credentials = bunker::auth::parse_basic(text)) {
    require(!credentials->user.empty() && credentials->user.find(':') == std::string::npos);
    for (const auto& part : {credentials->user, credentials->password}) {
      require(one_line(part) && bunker::is_utf8(part));
    }
  }
  require(one_line(bunker::auth::basic_challenge(text)));
  return 0;
}
