// Acts as OMGWTFSSL (the image paulczar/omgwtfssl) does: its environment variables, defaults and
// file names, so that its users change one word. Departures are in docs/certsidecar.md. Not for
// rotation: a CA of this kind can be moved to a folder of `certsidecar ca`. Blocking; one thread.
#pragma once

#include <functional>
#include <string>

#include "certsidecar/commands/commands.h"
#include "lib/base/result.h"

namespace bunker::certsidecar {

// As getenv(): null where the variable is not set.
using Environment = std::function<const char*(const char*)>;

// Whether one of OMGWTFSSL's own SSL_… or CA_… variables is set (and not OpenSSL's SSL_CERT_FILE).
[[nodiscard]] bool asks_for_omgwtfssl(const Environment& environment);

// Makes a CA in `folder` where there is none, and a key, request and certificate of it; says so on
// `console.out` unless SILENT is set. invalid: a variable's value, by its name.
[[nodiscard]] Result<void> omgwtfssl(const Environment& environment, const std::string& folder,
                                     const Console& console);

}  // namespace bunker::certsidecar
