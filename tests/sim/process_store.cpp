#include "tests/sim/process_store.h"

#include <algorithm>
#include <utility>

namespace bunker::sim {
namespace {

std::unexpected<Error> died() {
  return fail(Code::retry_later, "this process is dead");
}

}  // namespace

Task<void> ProcessStore::dawdle() {
  std::uint64_t milliseconds = world_.pick(20);
  if (world_.chance(0.05)) milliseconds += world_.pick(2'000);
  if (world_.chance(0.002)) milliseconds += world_.pick(30'000);
  co_await world_.sleep(std::chrono::milliseconds(milliseconds));
  if (pause_.count() > 0 && world_.chance(0.01)) co_await world_.sleep(pause_);
}

Task<Result<void>> ProcessStore::before(std::string_view call, bool writes) {
  (void)call;
  (void)writes;
  co_await dawdle();
  if (calls_left_-- == 0) dead_ = true;
  if (dead_) co_return died();
  co_return Result<void>();
}

Task<Result<void>> ProcessStore::after() {
  co_await dawdle();
  if (dead_) co_return died();
  co_return Result<void>();
}

Task<Result<storage::ObjectInfo>> ProcessStore::head(Context& context, storage::ObjectKey key) {
  auto out = co_await StoreDecorator::head(context, std::move(key));
  BUNKER_CO_TRY(co_await after());
  co_return out;
}

Task<Result<std::string>> ProcessStore::read(Context& context, storage::ObjectKey key,
                                             std::size_t limit) {
  auto out = co_await StoreDecorator::read(context, std::move(key), limit);
  BUNKER_CO_TRY(co_await after());
  co_return out;
}

Task<Result<void>> ProcessStore::put(Context& context, storage::ObjectKey key, std::string bytes) {
  auto out = co_await StoreDecorator::put(context, std::move(key), std::move(bytes));
  BUNKER_CO_TRY(co_await after());
  co_return out;
}

Task<Result<storage::ListPage>> ProcessStore::list(Context& context, std::string prefix,
                                                   storage::ListOptions options) {
  options.limit = std::min<std::size_t>(options.limit, 50);
  auto out = co_await StoreDecorator::list(context, std::move(prefix), std::move(options));
  BUNKER_CO_TRY(co_await after());
  co_return out;
}

Task<Result<void>> ProcessStore::remove(Context& context, std::vector<storage::ObjectKey> keys) {
  std::ranges::shuffle(keys, std::mt19937_64(world_.pick(1u << 30u)));
  for (storage::ObjectKey& key : keys) {
    // Most keys of a call go at once.
    if (world_.chance(0.2)) BUNKER_CO_TRY(co_await before("remove", true));
    if (dead_) co_return died();
    if (world_.now() > context.deadline) co_return fail(Code::retry_later, "too late");
    std::vector<storage::ObjectKey> one{std::move(key)};
    BUNKER_CO_TRY(co_await inner().remove(context, std::move(one)));
  }
  co_return co_await after();
}

}  // namespace bunker::sim
