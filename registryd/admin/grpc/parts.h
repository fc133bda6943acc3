// What the module is made of. For registryd/admin/grpc alone.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "registryd/admin/module.h"

namespace bunker::admin {

[[nodiscard]] Result<std::unique_ptr<Server>> start_server(Operations& operations,
                                                           const ServerOptions& options);
[[nodiscard]] std::unique_ptr<net::TlsMaterialSource> make_secret_source(SecretsOptions options,
                                                                         SecretsObserver& observer);
[[nodiscard]] int run_admin_client(const std::vector<std::string>& arguments, std::ostream& out,
                                   std::ostream& errors);

}  // namespace bunker::admin
