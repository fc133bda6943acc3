// An authority in a folder, or in a mounted Secret, which is only read. Replicas on the same folder
// (a shared volume with working flock) find each other there: `replicas/NAME` holds a generation,
// and whoever locks `.leader` drives rotation.
#pragma once

#include <memory>
#include <string>

#include "certsidecar/authority/store.h"
#include "lib/base/clock.h"

namespace bunker::certsidecar {

// A replica that gave no sign of life for so long is not waited for.
inline constexpr std::chrono::minutes kReplicaTimeout{10};

// `clock` outlives the store. Nothing is made before the first write.
[[nodiscard]] std::unique_ptr<AuthorityStore> make_folder_store(std::string folder,
                                                                const Clock& clock);

// Writing is unsupported, and this replica is all that it knows of.
[[nodiscard]] std::unique_ptr<AuthorityStore> make_mounted_store(std::string folder);

}  // namespace bunker::certsidecar
