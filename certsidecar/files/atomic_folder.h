// A folder of files that change together: each is a symbolic link into `..data`, and one rename of
// `..data` swaps them all, as Kubernetes does it. A reader sees the old set or the new one; a crash
// at any point leaves one of them. Blocking; one writer at a time, any number of readers.
#pragma once

#include <functional>
#include <map>
#include <string>

#include <sys/types.h>

#include "lib/base/result.h"
#include "lib/pki/authority_set.h"
#include "lib/pki/secret_text.h"

namespace bunker::certsidecar {

struct FileContent {
  pki::SecretText bytes;
  mode_t mode = 0644;
};

using FolderFiles = std::map<std::string, FileContent, std::less<>>;

// Makes `folder` hold `files`; whether anything had to change. Of other files in it, those that
// `owned` names are removed (nullptr: those that an earlier call wrote). Plain files of the same
// names are taken over without a moment in which they are not there.
[[nodiscard]] Result<bool> write_folder(const std::string& folder, const FolderFiles& files,
                                        const std::function<bool(std::string_view)>& owned,
                                        mode_t folder_mode);

// The files in `folder` that `wanted` names, all of one set. not_found: there is no such folder;
// retry_later: it changed each time it was read.
[[nodiscard]] Result<pki::AuthorityFiles> read_folder(
    const std::string& folder, const std::function<bool(std::string_view)>& wanted);

}  // namespace bunker::certsidecar
