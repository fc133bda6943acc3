#include "lib/runtime/per_thread.h"

#include <map>

#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>

namespace bunker {
namespace {

class PerThreadObjects final : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;

  explicit PerThreadObjects(asio::execution_context& context) : service(context) {}

  std::map<std::shared_ptr<const void>, std::shared_ptr<void>> objects;

 private:
  void shutdown() override { objects.clear(); }
};

asio::execution_context::id PerThreadObjects::id;

}  // namespace

std::shared_ptr<void>& per_thread_slot(const Executor& executor,
                                       const std::shared_ptr<const void>& owner) {
  return asio::use_service<PerThreadObjects>(executor.context()).objects[owner];
}

}  // namespace bunker
