// Blobs on their way in: uploads and mounts. All of an upload's state is in Upload; the store keeps
// its bytes, and knows by the token whether a state is the latest.
#include "lib/base/random.h"
#include "registryd/core/errors.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

Result<void> check_start(const Upload& upload, std::optional<std::uint64_t> start) {
  if (!start || *start == upload.offset) return {};
  return fail(Code::out_of_range,
              "the upload holds " + std::to_string(upload.offset) +
                  " bytes, and the chunk begins at " + std::to_string(*start),
              "send the bytes from " + std::to_string(upload.offset) + " on, in order",
              reason::kRangeInvalid);
}

std::unexpected<Error> wrong_size(std::uint64_t received, std::uint64_t announced) {
  return fail(Code::invalid,
              "the body holds " + std::to_string(received) + " bytes or more, and " +
                  std::to_string(announced) + " were announced",
              "send as many bytes as Content-Length and Content-Range say", reason::kSizeInvalid);
}

Result<Hasher> hasher_of(const Upload& upload) {
  if (upload.offset == 0) return Hasher(upload.algorithm);
  auto hasher = Hasher::thaw(upload.algorithm, upload.hash_state);
  if (!hasher) {
    return fail(Code::invalid, "the upload's state is damaged", "start the upload again",
                reason::kBlobUploadInvalid);
  }
  return hasher;
}

// The next piece of `body`: where it can be had there, at the start of `room`.
Task<Result<std::span<const std::byte>>> read(ByteSource& body, std::span<std::byte> room) {
  if (!room.empty()) {
    const std::size_t got = co_await body.read_into(room);
    if (got > 0) co_return room.first(got);
  }
  co_return co_await body.read();
}

// As read(), of a body of `announced` bytes, of which `received` came before it.
Task<Result<std::span<const std::byte>>> next_piece(ByteSource& body, std::span<std::byte> room,
                                                    std::uint64_t received,
                                                    std::optional<std::uint64_t> announced) {
  auto piece = co_await read(body, room);
  if (!piece && piece.error().code == Code::data_loss) {
    co_return fail(Code::invalid, "the body ended before its announced length",
                   "send the chunk again", reason::kSizeInvalid);
  }
  if (!piece) co_return fail(std::move(piece).error());
  if (announced) {
    const std::uint64_t total = received + piece->size();
    if (total > *announced || (piece->empty() && total < *announced)) {
      co_return fail(wrong_size(total, *announced).error());
    }
  }
  co_return *piece;
}

// Hashes and writes what `body` yields; the number of bytes.
Task<Result<std::uint64_t>> receive(ByteSource& body, Hasher& hasher, storage::UploadWriter& writer,
                                    std::optional<std::uint64_t> announced) {
  std::uint64_t received = 0;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(const auto piece,
                         co_await next_piece(body, writer.room(), received, announced));
    if (piece.empty()) co_return received;
    received += piece.size();
    hasher.update(piece);
    BUNKER_CO_TRY(co_await writer.write(piece));
  }
}

// `whole`: the digest, where this is likely all there is to the blob.
Task<Result<std::string>> suspend(storage::UploadWriter& writer,
                                  const std::optional<Digest>& whole) {
  if (whole) return writer.suspend_as(layout::blob_data(*whole));
  return writer.suspend();
}

}  // namespace

Task<Result<Upload>> Registry::start_upload(Context& context, RepositoryName name,
                                            Algorithm algorithm) {
  (void)context;  // makes no call: most uploads are one PUT away from their end
  BUNKER_CO_TRY(impl_->check_writable());
  co_return Upload{std::move(name), random_uuid(), impl_->clock.now(), algorithm, 0, {}, {}};
}

Task<Result<std::unique_ptr<storage::UploadWriter>>> Registry::Impl::open_writer(
    Context& context, const Upload& upload, std::optional<std::uint64_t> expected_size) {
  auto writer =
      co_await store.open_upload(context, layout::upload_data(upload.repository, upload.uuid),
                                 upload.store_token, upload.offset, expected_size);
  co_return or_unknown(std::move(writer), unknown_upload(upload));
}

Task<Result<Upload>> Registry::append(Context& context, Upload upload, ByteSource& body,
                                      std::optional<std::uint64_t> start,
                                      std::optional<std::uint64_t> announced) {
  BUNKER_CO_TRY(impl_->check_writable());
  BUNKER_CO_TRY(check_start(upload, start));
  BUNKER_CO_TRY_ASSIGN(Hasher hasher, hasher_of(upload));
  BUNKER_CO_TRY_ASSIGN(auto writer, co_await impl_->open_writer(context, upload, std::nullopt));
  BUNKER_CO_TRY_ASSIGN(const std::uint64_t received,
                       co_await receive(body, hasher, *writer, announced));
  if (received == 0) co_return upload;
  // One stream is likely all there is to the blob: only clients that cut it say where a chunk
  // begins. Then it may go where it belongs, if no collection is about to take it from there.
  std::optional<Digest> whole;
  if (upload.offset == 0 && !start) {
    whole = hasher.digest();
    BUNKER_CO_TRY(co_await impl_->guard.protect(context, {*whole}));
  }
  auto token = or_unknown(co_await suspend(*writer, whole), unknown_upload(upload));
  if (!token) co_return fail(std::move(token).error());
  upload.offset += received;
  upload.hash_state = hasher.freeze();
  upload.store_token = *std::move(token);
  co_return upload;
}

Task<Result<Hasher>> Registry::Impl::hasher_for(Context& context, const Upload& upload,
                                                Algorithm algorithm) {
  if (algorithm == upload.algorithm) co_return hasher_of(upload);
  Hasher hasher(algorithm);
  if (upload.offset == 0) co_return hasher;
  auto stored = or_unknown(
      co_await store.read_upload(context, layout::upload_data(upload.repository, upload.uuid),
                                 upload.store_token),
      unknown_upload(upload));
  if (!stored) co_return fail(std::move(stored).error());
  const auto source = make_source(std::move(stored->body));
  for (std::size_t step = 0;; ++step) {
    BUNKER_CO_TRY_ASSIGN(const auto piece, co_await source->read());
    if (piece.empty()) co_return hasher;
    hasher.update(piece);
    co_await breathe(step);
  }
}

Task<Result<BlobInfo>> Registry::finish(Context& context, Upload upload, Digest digest,
                                        ByteSource& body, std::optional<std::uint64_t> start,
                                        std::optional<std::uint64_t> announced) {
  BUNKER_CO_TRY(impl_->check_writable());
  BUNKER_CO_TRY(check_start(upload, start));
  auto finished = co_await impl_->finish(context, upload, digest, body, announced);
  if (finished || finished.error().reason != reason::kBlobUploadUnknown) co_return finished;
  // The answer to an earlier attempt may have been lost: what it was to achieve is achieved.
  auto present = co_await Impl::stat(impl_->store.exact(), context, upload.repository, digest);
  if (present) co_return present;
  co_return finished;
}

Task<Result<BlobInfo>> Registry::Impl::finish(Context& context, const Upload& upload,
                                              const Digest& digest, ByteSource& body,
                                              std::optional<std::uint64_t> announced) {
  BUNKER_CO_TRY_ASSIGN(Hasher hasher, co_await hasher_for(context, upload, digest.algorithm()));
  std::optional<std::uint64_t> size;
  if (announced) size = upload.offset + *announced;
  BUNKER_CO_TRY_ASSIGN(auto writer, co_await open_writer(context, upload, size));
  writer->expect_key(layout::blob_data(digest));
  BUNKER_CO_TRY_ASSIGN(const std::uint64_t received,
                       co_await receive(body, hasher, *writer, announced));
  if (const Digest actual = hasher.digest(); actual != digest) {
    writer.reset();
    const auto scratch = layout::upload_data(upload.repository, upload.uuid);
    BUNKER_CO_TRY(co_await store.abort_upload(context, scratch, upload.store_token));
    co_return fail(Code::invalid, "the uploaded bytes do not have the digest " + digest.str(),
                   "their digest is " + actual.str() + "; start the upload again",
                   reason::kDigestInvalid);
  }
  BUNKER_CO_TRY_ASSIGN(const auto protection, co_await guard.protect(context, {digest}));
  auto committed =
      or_unknown(co_await writer->commit(layout::blob_data(digest)), unknown_upload(upload));
  if (!committed) co_return fail(std::move(committed).error());
  BUNKER_CO_TRY(
      co_await renew_link(context, layout::layer_link(upload.repository, digest), digest.str()));
  BUNKER_CO_TRY(co_await confirm_blob(context, protection, upload.repository, digest));
  co_return BlobInfo{digest, upload.offset + received};
}

Task<Result<void>> Registry::Impl::confirm_blob(Context& context,
                                                CollectionGuard::Protection protection,
                                                const RepositoryName& name, const Digest& digest) {
  while (!guard.in_time(protection)) {
    BUNKER_CO_TRY_ASSIGN(protection, co_await guard.protect(context, {digest}));
    BUNKER_CO_TRY_ASSIGN(const bool present,
                         co_await has_blob(context, name, digest, std::nullopt));
    if (!present) {
      co_return fail(Code::retry_later, "the blob was collected while it was being pushed",
                     "push it again");
    }
  }
  co_return Result<void>();
}

Task<Result<Upload>> Registry::status(Context& context, Upload upload) {
  if (upload.store_token.empty()) co_return upload;
  auto stored = or_unknown(
      co_await impl_->store.read_upload(
          context, layout::upload_data(upload.repository, upload.uuid), upload.store_token),
      unknown_upload(upload));
  if (!stored) co_return fail(std::move(stored).error());
  co_return upload;
}

Task<Result<void>> Registry::cancel(Context& context, Upload upload) {
  BUNKER_CO_TRY(impl_->check_writable());
  BUNKER_CO_TRY_ASSIGN(const Upload alive, co_await status(context, std::move(upload)));
  co_return co_await impl_->store.abort_upload(
      context, layout::upload_data(alive.repository, alive.uuid), alive.store_token);
}

Task<Result<bool>> Registry::mount(Context& context, RepositoryName name, Digest digest,
                                   std::optional<RepositoryName> from) {
  BUNKER_CO_TRY(impl_->check_writable());
  Digest target = digest;
  // Before it is looked for: what is found afterwards stays.
  BUNKER_CO_TRY_ASSIGN(auto protection, co_await impl_->guard.protect(context, {digest}));
  if (from) {
    auto linked = co_await Impl::blob_target(impl_->store.exact(), context, *from, digest);
    if (!linked && linked.error().code == Code::not_found) co_return false;
    if (!linked) co_return fail(std::move(linked).error());
    target = *std::move(linked);
    if (target != digest) {
      BUNKER_CO_TRY_ASSIGN(protection, co_await impl_->guard.protect(context, {digest, target}));
    }
  }
  BUNKER_CO_TRY_ASSIGN(const bool present,
                       co_await impl_->exists(context, layout::blob_data(target)));
  if (!present) co_return false;
  BUNKER_CO_TRY(
      co_await impl_->renew_link(context, layout::layer_link(name, digest), target.str()));
  BUNKER_CO_TRY(co_await impl_->confirm_blob(context, protection, name, digest));
  co_return true;
}

}  // namespace bunker::registry
