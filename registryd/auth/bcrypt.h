// bcrypt, as `htpasswd -B` uses it. Slow by design: call it on a BlockingPool. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace bunker::auth {

// Beyond this cost (htpasswd's own maximum; seconds a check) a hash is a denial of service.
inline constexpr int kMaxBcryptCost = 17;

// The cost of a hash of the form "$2y$05$…" ($2a$, $2b$ and $2y$ mean the same); 0 when `hash` is
// not well-formed bcrypt.
[[nodiscard]] int bcrypt_cost(std::string_view hash) noexcept;

// A well-formed hash of `cost` that no password has, so that checking a user who does not exist
// takes as long as checking one who does.
[[nodiscard]] std::string bcrypt_decoy(int cost);

// Whether `password` (no NUL; bcrypt looks at its first 72 bytes) has `hash`.
[[nodiscard]] bool bcrypt_matches(const std::string& password, const std::string& hash);

}  // namespace bunker::auth
