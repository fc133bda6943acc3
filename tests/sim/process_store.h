// The store as one process of a simulation reaches it: every call takes its time before and after
// it has its effect, and none has one any more once the process is dead.
#pragma once

#include "tests/sim/world.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::sim {

class ProcessStore final : public registry::StoreDecorator {
 public:
  ProcessStore(storage::ObjectStore& inner, World& world) : StoreDecorator(inner), world_(world) {
    set_remote(true);
  }

  void kill() { dead_ = true; }
  [[nodiscard]] bool dead() const { return dead_; }
  // Dies at some call to come, about `calls` calls from now.
  void kill_within(std::size_t calls) { calls_left_ = 1 + world_.pick(calls); }
  // The process stands still now and then, for as long as this.
  void set_pause(std::chrono::nanoseconds pause) { pause_ = pause; }

  Task<Result<storage::ObjectInfo>> head(Context& context, storage::ObjectKey key) override;
  Task<Result<std::string>> read(Context& context, storage::ObjectKey key,
                                 std::size_t limit) override;
  Task<Result<void>> put(Context& context, storage::ObjectKey key, std::string bytes) override;
  Task<Result<storage::ListPage>> list(Context& context, std::string prefix,
                                       storage::ListOptions options) override;
  // Key by key, in any order, and none after the deadline: what a real client does not send.
  Task<Result<void>> remove(Context& context, std::vector<storage::ObjectKey> keys) override;

 protected:
  Task<Result<void>> before(std::string_view call, bool writes) override;

 private:
  Task<Result<void>> after();
  Task<void> dawdle();

  World& world_;
  bool dead_ = false;
  std::size_t calls_left_ = static_cast<std::size_t>(-1);
  std::chrono::nanoseconds pause_{0};
};

}  // namespace bunker::sim
