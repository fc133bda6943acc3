#include "registryd/storage/s3/upload_writer.h"

#include <algorithm>
#include <utility>

#include "lib/base/random.h"
#include "registryd/storage/object_key.h"
#include "registryd/storage/s3/copy.h"
#include "registryd/storage/s3/reader.h"
#include "registryd/storage/s3/remove.h"

namespace bunker::storage::s3 {
namespace {

// After this time, a blob that suspend_as() put in place is looked at again before it is relied on.
constexpr std::chrono::seconds kPlacedIsFresh{10};  // well below any grace of a collection

std::unexpected<Error> removed() {
  return fail(Code::not_found, "the upload was removed meanwhile");
}

std::uint64_t size_of(const std::shared_ptr<PartBuffer>& buffer) {
  return buffer ? buffer->size() : 0;
}

}  // namespace

S3UploadWriter::S3UploadWriter(Backend& backend, const Context& context, Opened opened)
    : backend_(backend),
      opened_(std::move(opened)),
      buffer_(std::move(opened_.tail)),
      memory_(std::move(opened_.tail_memory)),
      allowed_(opened_.tail_allowed),
      offset_(opened_.offset) {
  context_.request_id = context.request_id;
  context_.deadline = context.deadline;
}

S3UploadWriter::~S3UploadWriter() {
  if (!finished_ && created_multipart_) opened_.multipart->abandon();
}

Result<void> S3UploadWriter::check_usable() const {
  if (finished_ || broken_) {
    return fail(Code::internal, "an upload's writer was used after it had done its work");
  }
  if (opened_.entry && opened_.entry->aborted) return removed();
  return {};
}

void S3UploadWriter::finish() {
  finished_ = true;
  opened_.entry = nullptr;
}

unsigned S3UploadWriter::part() const {
  return (opened_.multipart ? opened_.multipart->parts() : 0) + 1;
}

// Of the part that is being filled, as far as there is memory for it: write() brings the next one
// about, which may have to wait.
std::span<std::byte> S3UploadWriter::room() {
  if (!buffer_ || opened_.base || !check_usable()) return {};
  const std::uint64_t most = std::min(opened_.sizes.of(part()), allowed_);
  return buffer_->room(most - std::min(most, buffer_->size()));
}

Task<Result<void>> S3UploadWriter::write(std::span<const std::byte> bytes) {
  BUNKER_CO_TRY(check_usable());
  if (!bytes.empty() && opened_.base) BUNKER_CO_TRY(co_await absorb_base());
  while (!bytes.empty()) {
    const std::uint64_t full = opened_.sizes.of(part());
    if (size_of(buffer_) == full) {
      BUNKER_CO_TRY(co_await send_buffer());
      continue;
    }
    BUNKER_CO_TRY(co_await make_room(bytes.size()));
    const std::uint64_t room = std::min(full, allowed_) - buffer_->size();
    const auto taken = bytes.first(std::min<std::uint64_t>(bytes.size(), room));
    buffer_->append(taken);
    offset_ += taken.size();
    bytes = bytes.subspan(taken.size());
  }
  co_return Result<void>();
}

// Memory for the part in `buffer_` to grow. Whoever waits for the memory of a part holds none of
// it, so parts that wait for each other cannot come to a standstill.
Task<Result<void>> S3UploadWriter::make_room(std::size_t wanted) {
  const std::uint64_t full = opened_.sizes.of(part());
  const std::uint64_t have = size_of(buffer_);
  if (buffer_ && have < allowed_) co_return Result<void>();
  std::uint64_t needed = full;
  if (opened_.expected && *opened_.expected > offset_) {
    needed = std::min(full, have + (*opened_.expected - offset_));
  } else if (have + wanted <= Blocks::kSmall) {
    needed = Blocks::kSmall;
  }
  BUNKER_CO_TRY_ASSIGN(memory_, co_await backend_.memory_for(needed, context_.deadline));
  allowed_ = needed;
  if (!buffer_) {
    buffer_ = std::make_shared<PartBuffer>(backend_.blocks, backend_.client.signs_payloads());
  }
  buffer_->expect(needed);
  co_return Result<void>();
}

Task<Result<void>> S3UploadWriter::send_buffer() {
  if (!opened_.multipart) {
    ObjectKey key = expected_key_;
    if (key.empty()) key = opened_.scratch + '.' + random_uuid();
    BUNKER_CO_TRY_ASSIGN(opened_.multipart,
                         co_await Multipart::create(backend_, context_, std::move(key)));
    created_multipart_ = true;
  }
  co_return co_await opened_.multipart->add(std::exchange(buffer_, nullptr), std::move(memory_));
}

// Bytes are to follow those of `base`: these become the first parts of a multipart upload, and what
// does not fill a part comes back into memory.
Task<Result<void>> S3UploadWriter::absorb_base() {
  const UploadBase base = *opened_.base;
  const std::uint64_t piece = opened_.sizes.base();
  const std::uint64_t parts = std::min<std::uint64_t>(base.size / piece, PartSizes::kMaxParts);
  std::uint64_t copied = parts * piece;
  const auto tail = std::exchange(buffer_, nullptr);  // bytes behind the base
  memory_ = Permits();                                // to be had again for what comes first
  offset_ = 0;
  opened_.base.reset();
  if (copied > 0 && !backend_.lacks_copy) {
    BUNKER_CO_TRY_ASSIGN(
        opened_.multipart,
        co_await Multipart::create(backend_, context_, opened_.scratch + '.' + random_uuid()));
    created_multipart_ = true;
    auto done = co_await opened_.multipart->copy(context_, base.key, copied, piece);
    if (!done && done.error().code != Code::unsupported) co_return done;
    if (!done) {
      backend_.lacks_copy = true;
      opened_.multipart->abandon();
      opened_.multipart.reset();
      created_multipart_ = false;
    }
  }
  if (!opened_.multipart) copied = 0;
  offset_ = copied;
  if (copied < base.size) {
    BUNKER_CO_TRY_ASSIGN(Object rest,
                         co_await open_object(backend_, context_, base.key, {.offset = copied}));
    const auto source = make_source(std::move(rest.body));
    while (true) {
      BUNKER_CO_TRY_ASSIGN(const auto bytes, co_await source->read());
      if (bytes.empty()) break;
      BUNKER_CO_TRY(co_await write(bytes));
    }
  }
  if (tail) {
    const auto source = tail->source();
    while (true) {
      BUNKER_CO_TRY_ASSIGN(const auto bytes, co_await source->read());
      if (bytes.empty()) break;
      BUNKER_CO_TRY(co_await write(bytes));
    }
  }
  if (base.ours) litter_.push_back(base.key);
  co_return Result<void>();
}

Task<Result<void>> S3UploadWriter::put_buffer(const ObjectKey& key) {
  if (!buffer_) {
    buffer_ = std::make_shared<PartBuffer>(backend_.blocks, backend_.client.signs_payloads());
  }
  const Call call = backend_.calls.put(key);
  BUNKER_CO_TRY_ASSIGN(const Reply reply,
                       co_await backend_.client.send_part(context_, call, buffer_));
  if (!reply.ok()) co_return std::unexpected(backend_.client.error_of(call, reply));
  co_return Result<void>();
}

Task<Result<void>> S3UploadWriter::commit_parts(const ObjectKey& key) {
  if (size_of(buffer_) > 0) BUNKER_CO_TRY(co_await send_buffer());
  Multipart& multipart = *opened_.multipart;
  BUNKER_CO_TRY(co_await multipart.complete(context_, offset_));
  if (multipart.key() == key) co_return Result<void>();
  BUNKER_CO_TRY(co_await copy_object(backend_, context_, multipart.key(), key, offset_));
  litter_.push_back(multipart.key());
  co_return Result<void>();
}

Task<Result<void>> S3UploadWriter::commit_base(const ObjectKey& key) {
  const UploadBase& base = *opened_.base;
  if (base.key != key) {
    BUNKER_CO_TRY(co_await copy_object(backend_, context_, base.key, key, base.size));
    if (base.ours) litter_.push_back(base.key);
    co_return Result<void>();
  }
  if (base.placed && backend_.clock.now() - *base.placed < kPlacedIsFresh) {
    co_return Result<void>();
  }
  // Collection takes what nobody links to for long.
  const Call call = backend_.calls.head(key);
  BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend_.client.call(context_, call));
  if (reply.outcome == Outcome::not_found) co_return removed();
  if (!reply.ok()) co_return std::unexpected(backend_.client.error_of(call, reply));
  co_return Result<void>();
}

Task<Result<void>> S3UploadWriter::commit(ObjectKey key) {
  BUNKER_CO_TRY(check_key(key));
  BUNKER_CO_TRY(check_usable());
  if (!expected_key_.empty() && expected_key_ != key) {
    co_return fail(Code::internal, "an upload is not committed to the key that was expected");
  }
  if (opened_.base && size_of(buffer_) > 0) BUNKER_CO_TRY(co_await absorb_base());
  if (opened_.base) {
    BUNKER_CO_TRY(co_await commit_base(key));
  } else if (opened_.multipart) {
    BUNKER_CO_TRY(co_await commit_parts(key));
  } else {
    BUNKER_CO_TRY(co_await put_buffer(key));
  }
  finish();
  // The bytes are where they belong; what is left behind now costs a little space, not the push.
  if (!opened_.state_key.empty()) litter_.push_back(opened_.state_key);
  if (!litter_.empty()) (void)co_await remove_objects(backend_, context_, std::move(litter_));
  co_return Result<void>();
}

Task<Result<std::string>> S3UploadWriter::suspend_as(ObjectKey key) {
  // A key that does not fit into a token is no help.
  if (key.size() > 512 || (!expected_key_.empty() && expected_key_ != key)) {
    co_return co_await suspend();
  }
  const std::uint64_t size = offset_;
  const SystemTime now = std::chrono::floor<std::chrono::seconds>(backend_.clock.now());
  BUNKER_CO_TRY(co_await commit(key));
  co_return print_placed_token({std::move(key), size, now});
}

Task<Result<std::string>> S3UploadWriter::suspend() {
  BUNKER_CO_TRY(check_usable());
  if (opened_.base && opened_.base->placed) {
    finish();
    co_return print_placed_token({opened_.base->key, opened_.base->size, *opened_.base->placed});
  }
  if (opened_.multipart) BUNKER_CO_TRY(co_await opened_.multipart->settle());

  UploadState state;
  state.offset = offset_;
  state.part_bytes = opened_.sizes.base();
  state.tail_bytes = size_of(buffer_);
  if (opened_.multipart) {
    state.key = opened_.multipart->key();
    state.upload_id = opened_.multipart->upload_id();
    state.etags = opened_.multipart->etags();
  } else if (opened_.base) {
    state.key = opened_.base->key;
  }
  if (!buffer_) {
    buffer_ = std::make_shared<PartBuffer>(backend_.blocks, backend_.client.signs_payloads());
  }
  broken_ = true;  // until the footer in the buffer does no harm
  buffer_->append(print_footer(state));
  const std::string token = make_state_token(offset_, state.tail_bytes);
  const ObjectKey key = state_key_of(opened_.scratch, token);
  BUNKER_CO_TRY(co_await put_buffer(key));
  if (!opened_.state_key.empty()) litter_.push_back(opened_.state_key);
  if (!litter_.empty()) {
    auto dead = co_await remove_objects(backend_, context_, std::move(litter_));
    if (!dead) {
      // Two tokens must not be alive at once.
      (void)co_await remove_objects(backend_, context_, {key});
      co_return std::unexpected(std::move(dead).error());
    }
  }
  if (opened_.entry && opened_.entry->aborted) {
    (void)co_await remove_objects(backend_, context_, {key});
    co_return removed();
  }
  finish();
  co_return token;
}

}  // namespace bunker::storage::s3
