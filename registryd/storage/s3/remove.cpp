#include "registryd/storage/s3/remove.h"

#include <algorithm>
#include <utility>

namespace bunker::storage::s3 {
namespace {

constexpr std::size_t kBatch = 1000;  // the most that DeleteObjects takes
constexpr std::size_t kParallelBatches = 8;
constexpr std::size_t kParallelSingles = 16;
constexpr unsigned kRounds = 4;  // for keys that a batch answer says to try again

Result<void> first_error(const std::vector<Result<void>>& results) {
  for (const Result<void>& result : results) {
    if (!result) return std::unexpected(result.error());
  }
  return {};
}

Task<Result<void>> remove_one(Backend& backend, Context& context, ObjectKey key) {
  const Call call = backend.calls.remove(key);
  BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend.client.call(context, call));
  if (reply.ok() || reply.outcome == Outcome::not_found) co_return Result<void>();
  co_return std::unexpected(backend.client.error_of(call, reply));
}

Task<Result<void>> remove_singly(Backend& backend, Context& context, std::vector<ObjectKey> keys) {
  std::vector<Task<Result<void>>> tasks;
  tasks.reserve(keys.size());
  for (ObjectKey& key : keys) tasks.push_back(remove_one(backend, context, std::move(key)));
  co_return first_error(co_await when_all(std::move(tasks), kParallelSingles));
}

// What a batch's answer asks to be tried again; or the first error that trying does not mend.
Result<std::vector<ObjectKey>> left_over(const Backend& backend, const Call& call,
                                         const Reply& reply) {
  BUNKER_TRY_ASSIGN(const auto errors, parse_deleted(reply.body));
  std::vector<ObjectKey> again;
  for (const KeyError& error : errors) {
    const Outcome outcome = classify(400, error.code);
    if (outcome == Outcome::not_found) continue;
    const auto key = backend.calls.strip_root(error.key);
    if (!is_retryable(outcome) || !key) {
      return std::unexpected(make_error(outcome, call.operation, error.key, reply.head.status,
                                        {error.code, error.message, {}},
                                        "bucket " + backend.settings.bucket));
    }
    again.emplace_back(*key);
  }
  return again;
}

Task<Result<void>> remove_batch(Backend& backend, Context& context, std::vector<ObjectKey> keys) {
  for (unsigned round = 0; round < kRounds && !keys.empty(); ++round) {
    if (backend.lacks_delete_objects) {
      co_return co_await remove_singly(backend, context, std::move(keys));
    }
    const Call call = backend.calls.remove_many(keys);
    BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend.client.call(context, call));
    if (reply.outcome == Outcome::unsupported || reply.outcome == Outcome::failed) {
      // What GCS and some gateways say to a call that they do not know.
      auto done = co_await remove_singly(backend, context, std::move(keys));
      if (done) backend.lacks_delete_objects = true;
      co_return done;
    }
    if (!reply.ok()) co_return std::unexpected(backend.client.error_of(call, reply));
    BUNKER_CO_TRY_ASSIGN(keys, left_over(backend, call, reply));
    if (!keys.empty()) co_await sleep_for(std::chrono::milliseconds(100u << round));
  }
  if (keys.empty()) co_return Result<void>();
  co_return fail(Code::retry_later, "the object store did not delete " + keys.front(),
                 std::to_string(keys.size()) + " keys are left");
}

}  // namespace

Task<Result<void>> remove_objects(Backend& backend, Context& context, std::vector<ObjectKey> keys) {
  if (keys.size() == 1) co_return co_await remove_one(backend, context, std::move(keys.front()));
  const auto odd = std::partition(keys.begin(), keys.end(),
                                  [](const ObjectKey& key) { return can_be_in_xml(key); });
  std::vector<Task<Result<void>>> batches;
  if (odd != keys.end()) {
    batches.push_back(remove_singly(backend, context, {odd, keys.end()}));
  }
  for (auto from = keys.begin(); from != odd;) {
    const auto to = odd - from > static_cast<std::ptrdiff_t>(kBatch) ? from + kBatch : odd;
    batches.push_back(remove_batch(backend, context, {from, to}));
    from = to;
  }
  co_return first_error(co_await when_all(std::move(batches), kParallelBatches));
}

}  // namespace bunker::storage::s3
