// HTTP Basic authentication's text (RFC 7617). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bunker::auth {

struct Credentials {
  std::string user;
  std::string password;
};

// What an Authorization header says. nullopt: another scheme, base64 that is not strict, no colon,
// an empty user name, or (RFC 7617 §2) control characters or bytes that are not UTF-8.
[[nodiscard]] std::optional<Credentials> parse_basic(std::string_view header);

// Whether a header says "Basic" with an empty user and an empty password: what podman and skopeo
// send when they are challenged and have no login, so it stands for no credentials at all.
[[nodiscard]] bool is_empty_basic(std::string_view header);

// `Basic realm="…"`, with `realm` escaped; control characters, which no header may hold, become
// spaces.
[[nodiscard]] std::string basic_challenge(std::string_view realm);

}  // namespace bunker::auth
