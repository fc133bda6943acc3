// The authorities in the folders that commands are given. For the .cpp files of commands alone.
#pragma once

#include <string>

#include "certsidecar/commands/commands.h"
#include "lib/base/result.h"
#include "lib/pki/authority_set.h"

namespace bunker::certsidecar {

// The authority in `folder`. Errors: as read_authority().
[[nodiscard]] Result<pki::AuthoritySet> read_ca(const std::string& folder, const Console& console);

// What a client of `own` trusts servers by: the bundle of the authority in the folder `server_ca`,
// where one is named, else that of its own.
[[nodiscard]] Result<std::string> server_bundle(const std::string& server_ca,
                                                const pki::AuthoritySet& own,
                                                const Console& console);

}  // namespace bunker::certsidecar
