// Folders in the order of their names, from a store that lists keys. The two orders differ: "a/"
// comes after "a-b/" and "a.b/" among keys, and "a" before "a-b" among names. For registryd/core
// alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/runtime/context.h"
#include "registryd/storage/object_store.h"

namespace bunker::registry {

// One page of what lies directly under a prefix.
struct FolderPage {
  std::vector<std::string> names;  // of folders, without the prefix and the '/'; in key order
  std::string last_key;            // where the next page starts; empty: this was the last one
};

// `prefix` ends with '/'. `start_after`: a key, or empty.
Task<Result<FolderPage>> list_folders(storage::ObjectStore& store, Context& context,
                                      std::string prefix, std::string start_after,
                                      std::size_t limit);

// The folders whose keys come after `last_key` although their names come before some name whose key
// does not. With them, what was listed up to `last_key` comes before all that follows it, by name.
// Proof: such a name N is a prefix of the last name L, followed there by a byte below '/': from
// M/ <= L/ < N/ and N < M it follows that N is a prefix of M, and so of everything between.
Task<Result<std::vector<std::string>>> folders_passed(storage::ObjectStore& store, Context& context,
                                                      std::string prefix, std::string last_key);

}  // namespace bunker::registry
