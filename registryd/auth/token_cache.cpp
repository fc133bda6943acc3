#include "registryd/auth/token_cache.h"

#include <algorithm>
#include <utility>

#include "lib/base/sha256.h"

namespace bunker::auth {

TokenCache::Key TokenCache::key(std::string_view token) {
  Key out{};
  std::ranges::copy(sha256(token), out.begin());
  return out;
}

TokenClaimsPtr TokenCache::find(const Key& key, const std::shared_ptr<const TokenKeys>& keys,
                                SteadyTime now) {
  const auto found = known_.find(key, now);
  return found && found->keys == keys ? found->claims : nullptr;
}

void TokenCache::insert(const Key& key, std::shared_ptr<const TokenKeys> keys,
                        TokenClaimsPtr claims, SteadyTime now) {
  known_.insert(key, {std::move(keys), std::move(claims)}, now);
}

}  // namespace bunker::auth
