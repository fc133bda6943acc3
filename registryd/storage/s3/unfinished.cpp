#include "registryd/storage/s3/unfinished.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "registryd/storage/object_key.h"
#include "registryd/storage/s3/reader.h"
#include "registryd/storage/s3/remove.h"
#include "registryd/storage/s3/upload_writer.h"

namespace bunker::storage::s3 {
namespace {

// 10,000 ETags of 200 bytes.
constexpr std::size_t kMaxFooter = std::size_t{2} << 20;

std::unexpected<Error> unknown() {
  return fail(Code::not_found, "the upload is finished, removed or was never there");
}

std::unexpected<Error> other_offset(std::uint64_t offset) {
  return fail(Code::out_of_range, "the upload holds " + std::to_string(offset) + " bytes");
}

// Reads the state that `token` names, up to `tail` bytes of which go into `buffer`.
Task<Result<UploadState>> load_state(Backend& backend, Context& context, const ObjectKey& scratch,
                                     const StateToken& token, PartBuffer& buffer) {
  BUNKER_CO_TRY_ASSIGN(
      Object object, co_await open_object(backend, context, state_key_of(scratch, token.text), {}));
  if (object.info.size < token.tail || object.info.size - token.tail > kMaxFooter) {
    co_return fail(Code::data_loss, "the stored state of an upload is damaged",
                   "start the upload again");
  }
  const auto source = make_source(std::move(object.body));
  std::string footer;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(auto bytes, co_await source->read());
    if (bytes.empty()) break;
    const auto tail =
        bytes.first(std::min<std::uint64_t>(bytes.size(), token.tail - buffer.size()));
    buffer.append(tail);
    bytes = bytes.subspan(tail.size());
    footer.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  co_return parse_footer(footer, token.tail);
}

Task<Result<std::unique_ptr<UploadWriter>>> open_suspended(Backend& backend, Context& context,
                                                           S3UploadWriter::Opened opened,
                                                           StateToken token) {
  const std::uint64_t expected = opened.expected.value_or(0);
  const std::uint64_t coming = expected > token.offset ? expected - token.offset : 0;
  std::uint64_t allowed = token.tail + coming;
  if (coming == 0 && token.tail > 0) {
    allowed =
        token.tail < Blocks::kSmall ? Blocks::kSmall : std::max(token.tail, opened.sizes.base());
  }
  allowed = std::min(allowed, std::max(token.tail, opened.sizes.base()));
  BUNKER_CO_TRY_ASSIGN(opened.tail_memory, co_await backend.memory_for(allowed, context.deadline));
  auto buffer = std::make_shared<PartBuffer>(backend.blocks, backend.client.signs_payloads());
  BUNKER_CO_TRY_ASSIGN(UploadState state,
                       co_await load_state(backend, context, opened.scratch, token, *buffer));
  opened.state_key = state_key_of(opened.scratch, token.text);
  opened.sizes = PartSizes(state.part_bytes);
  opened.tail = std::move(buffer);
  opened.tail_allowed = allowed;
  if (!state.upload_id.empty()) {
    opened.multipart =
        std::make_unique<Multipart>(backend, co_await this_executor(), std::move(state.key),
                                    std::move(state.upload_id), std::move(state.etags));
  } else if (!state.key.empty()) {
    opened.base = UploadBase{std::move(state.key), state.offset - state.tail_bytes, true, {}};
  }
  co_return std::make_unique<S3UploadWriter>(backend, context, std::move(opened));
}

// The parts of a suspended upload cannot be read before they are an object: makes them one, and
// lets the state say so, under the same token.
Task<Result<UploadState>> consolidate(Backend& backend, Context& context, const ObjectKey& scratch,
                                      const StateToken& token, UploadState state,
                                      PartBuffer& tail) {
  const std::uint64_t size = state.offset - state.tail_bytes;
  Multipart parts(backend, co_await this_executor(), state.key, std::move(state.upload_id),
                  std::move(state.etags));
  BUNKER_CO_TRY(co_await parts.complete(context, size));
  state.upload_id.clear();
  state.etags.clear();
  auto object = std::make_shared<PartBuffer>(backend.blocks, backend.client.signs_payloads());
  const auto bytes = tail.source();
  while (true) {
    BUNKER_CO_TRY_ASSIGN(const auto piece, co_await bytes->read());
    if (piece.empty()) break;
    object->append(piece);
  }
  object->append(print_footer(state));
  const Call call = backend.calls.put(state_key_of(scratch, token.text));
  BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend.client.send_part(context, call, object));
  if (!reply.ok()) co_return std::unexpected(backend.client.error_of(call, reply));
  co_return state;
}

// What a suspended upload holds. Nothing is done before the first read: callers often only want to
// know whether the upload is there.
class UnfinishedSource final : public ByteSource {
 public:
  UnfinishedSource(Backend& backend, Context context, ObjectKey scratch, StateToken token,
                   UploadState state, std::shared_ptr<PartBuffer> tail)
      : backend_(backend),
        context_(std::move(context)),
        scratch_(std::move(scratch)),
        token_(std::move(token)),
        state_(std::move(state)),
        tail_(std::move(tail)) {}

  Task<Result<std::span<const std::byte>>> read() override {
    if (!opened_) {
      BUNKER_CO_TRY(co_await open());
      opened_ = true;
    }
    if (source_) {
      BUNKER_CO_TRY_ASSIGN(const auto piece, co_await source_->read());
      if (!piece.empty()) co_return piece;
      source_ = nullptr;
    }
    co_return co_await tail_source_->read();
  }

 private:
  Task<Result<void>> open() {
    if (!state_.upload_id.empty()) {
      BUNKER_CO_TRY_ASSIGN(state_, co_await consolidate(backend_, context_, scratch_, token_,
                                                        std::move(state_), *tail_));
    }
    if (!state_.key.empty()) {
      BUNKER_CO_TRY_ASSIGN(Object base, co_await open_object(backend_, context_, state_.key, {}));
      source_ = make_source(std::move(base.body));
    }
    tail_source_ = tail_->source();
    co_return Result<void>();
  }

  Backend& backend_;
  Context context_;
  const ObjectKey scratch_;
  const StateToken token_;
  UploadState state_;
  const std::shared_ptr<PartBuffer> tail_;
  bool opened_ = false;
  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<ByteSource> tail_source_;
};

}  // namespace

Task<Result<std::unique_ptr<UploadWriter>>> open_upload(Backend& backend, Context& context,
                                                        ObjectKey scratch, std::string token,
                                                        std::uint64_t offset,
                                                        std::optional<std::uint64_t> expected) {
  S3UploadWriter::Opened opened{.scratch = std::move(scratch),
                                .offset = offset,
                                .expected = expected,
                                .sizes = PartSizes(backend.settings.chunk_bytes, expected)};
  if (token.empty()) {
    if (offset != 0) co_return other_offset(0);
    co_return std::make_unique<S3UploadWriter>(backend, context, std::move(opened));
  }
  if (const auto placed = parse_placed_token(token)) {
    if (placed->size != offset) co_return other_offset(placed->size);
    opened.base = UploadBase{placed->key, placed->size, false, placed->placed};
    co_return std::make_unique<S3UploadWriter>(backend, context, std::move(opened));
  }
  auto state = parse_state_token(token);
  if (!state) co_return unknown();
  if (state->offset != offset) co_return other_offset(state->offset);
  opened.entry = backend.uploads.open(opened.scratch + token);
  if (!opened.entry) {
    co_return fail(Code::conflict, "another request is writing to the upload",
                   "wait for its answer");
  }
  auto writer = co_await open_suspended(backend, context, std::move(opened), std::move(*state));
  if (!writer && writer.error().code == Code::not_found) co_return unknown();
  co_return writer;
}

Task<Result<Object>> read_upload(Backend& backend, Context& context, ObjectKey scratch,
                                 std::string token) {
  if (const auto placed = parse_placed_token(token)) {
    co_return co_await open_object(backend, context, placed->key, {});
  }
  auto state_token = parse_state_token(token);
  if (!state_token) co_return unknown();
  auto tail = std::make_shared<PartBuffer>(backend.blocks, backend.client.signs_payloads());
  auto state = co_await load_state(backend, context, scratch, *state_token, *tail);
  if (!state && state.error().code == Code::not_found) co_return unknown();
  if (!state) co_return std::unexpected(std::move(state).error());
  Object object;
  object.info.size = state->offset;
  object.info.modified = backend.clock.now();
  const std::uint64_t size = state->offset;
  Context own;
  own.request_id = context.request_id;
  object.body = Body(std::make_unique<UnfinishedSource>(backend, std::move(own), std::move(scratch),
                                                        std::move(*state_token), std::move(*state),
                                                        std::move(tail)),
                     size);
  co_return object;
}

Task<Result<void>> abort_upload(Backend& backend, Context& context, ObjectKey scratch,
                                std::string token) {
  const auto state_token = parse_state_token(token);
  // What suspend_as() put in place may be linked to by now.
  if (!state_token) co_return Result<void>();
  PartBuffer tail(backend.blocks, false);
  auto state = co_await load_state(backend, context, scratch, *state_token, tail);
  if (!state && state.error().code == Code::not_found) co_return Result<void>();
  if (!state && state.error().code != Code::data_loss) co_return std::unexpected(state.error());
  backend.uploads.abort(scratch + token);
  // The state goes first: without it nobody goes on with the parts.
  std::vector<ObjectKey> keys = {state_key_of(scratch, token)};
  if (state && state->upload_id.empty() && !state->key.empty()) keys.push_back(state->key);
  BUNKER_CO_TRY(co_await remove_objects(backend, context, std::move(keys)));
  if (state && !state->upload_id.empty()) {
    const Call call = backend.calls.abort_upload(state->key, state->upload_id);
    BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend.client.call(context, call));
    if (!reply.ok() && reply.outcome != Outcome::no_such_upload &&
        reply.outcome != Outcome::not_found) {
      co_return std::unexpected(backend.client.error_of(call, reply));
    }
  }
  co_return Result<void>();
}

}  // namespace bunker::storage::s3
