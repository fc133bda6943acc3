// Finds and loads the gRPC module. Blocks while the dynamic linker reads it (about 15 ms).
#pragma once

#include <memory>
#include <string>

#include "lib/base/result.h"
#include "registryd/admin/module.h"

namespace bunker::admin {

// `path`: the module's file; empty: registryd-grpc.so in the program's folder, else in
// ../lib/bunker beside it. not_found with what to install; unsupported for another build's module.
[[nodiscard]] Result<std::unique_ptr<Module>> load_module(const std::string& path);

}  // namespace bunker::admin
