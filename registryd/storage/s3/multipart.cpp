#include "registryd/storage/s3/multipart.h"

#include <algorithm>
#include <utility>

#include "registryd/storage/s3/reader.h"
#include "registryd/storage/s3/upload_state.h"

namespace bunker::storage::s3 {
namespace {

// Of one upload at once: more would only take memory from the others.
constexpr std::size_t kParallelParts = 4;

}  // namespace

// Shared with the parts on their way, which may outlive the Multipart.
struct Multipart::State {
  State(Backend& b, const Executor& e, ObjectKey k, std::string id, std::vector<std::string> tags)
      : backend(b),
        executor(e),
        key(std::move(k)),
        upload_id(std::move(id)),
        etags(std::move(tags)) {}

  Backend& backend;
  const Executor executor;
  const ObjectKey key;
  const std::string upload_id;
  std::vector<std::string> etags;  // empty while a part is on its way
  std::size_t sending = 0;
  std::optional<Error> error;
  bool abandoned = false;
};

Multipart::Multipart(Backend& backend, const Executor& executor, ObjectKey key,
                     std::string upload_id, std::vector<std::string> etags)
    : state_(std::make_shared<State>(backend, executor, std::move(key), std::move(upload_id),
                                     std::move(etags))) {}

Task<Result<std::unique_ptr<Multipart>>> Multipart::create(Backend& backend, Context& context,
                                                           ObjectKey key) {
  const Call call = backend.calls.create_upload(key);
  BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend.expect_done(context, call));
  BUNKER_CO_TRY_ASSIGN(std::string id, parse_created_upload(reply.body));
  co_return std::make_unique<Multipart>(backend, co_await this_executor(), std::move(key),
                                        std::move(id), std::vector<std::string>());
}

Task<Result<void>> Multipart::add(std::shared_ptr<const PartBuffer> part, Permits memory) {
  co_await sending_.wait(kParallelParts - 1);
  if (state_->error) co_return std::unexpected(*state_->error);
  const std::size_t index = state_->etags.size();
  if (index >= PartSizes::kMaxParts) {
    co_return fail(Code::too_large, "the upload has more parts than S3 takes",
                   "raise storage.s3.chunksize");
  }
  state_->etags.emplace_back();
  ++state_->sending;
  co_await sending_.start(send(state_, std::move(part), std::move(memory), index));
  co_return Result<void>();
}

Task<void> Multipart::send(std::shared_ptr<State> state, std::shared_ptr<const PartBuffer> part,
                           Permits memory, std::size_t index) {
  // The caller may be gone before the part has arrived, so the part has a context of its own.
  Context context;
  const Call call = state->backend.calls.upload_part(state->key, state->upload_id,
                                                     static_cast<unsigned>(index + 1));
  const auto reply = co_await state->backend.client.send_part(context, call, part);
  if (!reply) {
    if (!state->error) state->error = reply.error();
  } else if (!reply->ok()) {
    if (!state->error) state->error = state->backend.client.error_of(call, *reply);
  } else {
    state->etags[index] = reply->header("etag");
    if (state->etags[index].empty() && !state->error) {
      state->error = Error(Code::internal, "the object store gave no ETag for a part");
    }
  }
  memory.shrink(0);
  if (--state->sending == 0 && state->abandoned) co_await abort(state);
}

Task<Result<void>> Multipart::copy(Context& context, ObjectKey source, std::uint64_t length,
                                   std::uint64_t piece) {
  std::vector<Task<Result<void>>> pieces;
  for (std::uint64_t offset = 0; offset < length; offset += piece) {
    pieces.push_back(copy_piece(state_, context, source, pieces.size(), offset,
                                std::min(piece, length - offset)));
  }
  state_->etags.resize(pieces.size());
  const auto copied =
      co_await when_all(std::move(pieces), state_->backend.settings.copy_concurrency);
  for (const Result<void>& result : copied) {
    if (!result) co_return std::unexpected(result.error());
  }
  co_return Result<void>();
}

Task<Result<void>> Multipart::copy_piece(std::shared_ptr<State> state, Context& context,
                                         const ObjectKey& source, std::size_t index,
                                         std::uint64_t offset, std::uint64_t length) {
  if (state->error) co_return std::unexpected(*state->error);  // another piece failed
  const Call call = state->backend.calls.copy_part(
      state->key, state->upload_id, static_cast<unsigned>(index + 1), source, offset, length);
  auto reply = co_await state->backend.expect_done(context, call);
  if (!reply) {
    if (!state->error) state->error = reply.error();
    co_return std::unexpected(std::move(reply).error());
  }
  BUNKER_CO_TRY_ASSIGN(DoneResult done, parse_done(reply->body));
  state->etags[index] = std::move(done.etag);
  co_return Result<void>();
}

Task<Result<void>> Multipart::settle() {
  co_await sending_.wait();
  if (state_->error) co_return std::unexpected(*state_->error);
  co_return Result<void>();
}

Task<Result<void>> Multipart::complete(Context& context, std::uint64_t size) {
  BUNKER_CO_TRY(co_await settle());
  std::vector<Part> parts;
  parts.reserve(state_->etags.size());
  for (const std::string& etag : state_->etags) {
    parts.push_back({static_cast<unsigned>(parts.size() + 1), etag});
  }
  const Call call = state_->backend.calls.complete_upload(state_->key, state_->upload_id, parts);
  const auto reply = co_await state_->backend.client.call(context, call);
  if (reply && reply->ok() && parse_done(reply->body)) co_return Result<void>();

  // An answer that was lost or says that there is no such upload may follow a success.
  if (reply && !reply->ok() && reply->outcome != Outcome::no_such_upload &&
      reply->outcome != Outcome::not_found && reply->outcome != Outcome::failed) {
    co_return std::unexpected(state_->backend.client.error_of(call, *reply));
  }
  const auto head =
      co_await state_->backend.client.call(context, state_->backend.calls.head(state_->key));
  if (head && head->ok() && content_length(*head) == size) co_return Result<void>();
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->ok()) {
    co_return fail(Code::retry_later, "the object store did not say whether an upload is complete");
  }
  co_return std::unexpected(state_->backend.client.error_of(call, *reply));
}

void Multipart::abandon() {
  state_->abandoned = true;
  // Parts on their way still use the upload; the last of them aborts it.
  if (state_->sending > 0) return;
  start_detached(state_->executor, abort(state_));
}

Task<void> Multipart::abort(std::shared_ptr<State> state) {
  Context context;
  context.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  const Call call = state->backend.calls.abort_upload(state->key, state->upload_id);
  // What is left behind costs money, not correctness; collection finds it.
  (void)co_await state->backend.client.call(context, call);
}

unsigned Multipart::parts() const noexcept {
  return static_cast<unsigned>(state_->etags.size());
}

const ObjectKey& Multipart::key() const noexcept {
  return state_->key;
}

const std::string& Multipart::upload_id() const noexcept {
  return state_->upload_id;
}

std::vector<std::string> Multipart::etags() const {
  return state_->etags;
}

}  // namespace bunker::storage::s3
