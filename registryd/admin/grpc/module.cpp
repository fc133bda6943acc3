#include "registryd/admin/module.h"

#include <utility>

#include "registryd/admin/grpc/parts.h"

namespace bunker::admin {
namespace {

class GrpcModule final : public Module {
 public:
  Result<std::unique_ptr<Server>> serve(Operations& operations, ServerOptions options) override {
    return start_server(operations, options);
  }
  std::unique_ptr<net::TlsMaterialSource> secrets(SecretsOptions options,
                                                  SecretsObserver& observer) override {
    return make_secret_source(std::move(options), observer);
  }
  int run_client(const std::vector<std::string>& arguments, std::ostream& out,
                 std::ostream& errors) override {
    return run_admin_client(arguments, out, errors);
  }
};

}  // namespace
}  // namespace bunker::admin

extern "C" bunker::admin::Module* bunker_module(unsigned version) {
  if (version != bunker::admin::kVersion) return nullptr;
  return new bunker::admin::GrpcModule();
}
