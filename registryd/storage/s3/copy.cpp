#include "registryd/storage/s3/copy.h"

#include <algorithm>
#include <utility>

#include "registryd/storage/s3/multipart.h"
#include "registryd/storage/s3/reader.h"
#include "registryd/storage/s3/upload_state.h"

namespace bunker::storage::s3 {
namespace {

constexpr std::uint64_t kMaxSingleCopy = std::uint64_t{5} << 30;

Task<Result<void>> copy_at_once(Backend& backend, Context& context, const ObjectKey& source,
                                const ObjectKey& key) {
  const Call call = backend.calls.copy(source, key);
  BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend.expect_done(context, call));
  BUNKER_CO_TRY(parse_done(reply.body));
  co_return Result<void>();
}

Task<Result<void>> copy_in_parts(Backend& backend, Context& context, const ObjectKey& source,
                                 const ObjectKey& key, std::uint64_t size) {
  const PartSizes sizes(backend.settings.copy_chunk_bytes, size);
  BUNKER_CO_TRY_ASSIGN(const auto upload, co_await Multipart::create(backend, context, key));
  auto done = co_await upload->copy(context, source, size, sizes.base());
  if (done) done = co_await upload->complete(context, size);
  if (!done) upload->abandon();
  co_return done;
}

// Reads up to `size` bytes from `source`, from its last piece's rest `left` on.
Task<Result<void>> fill(PartBuffer& part, ByteSource& source, std::span<const std::byte>& left,
                        std::uint64_t size) {
  while (part.size() < size) {
    if (left.empty()) {
      BUNKER_CO_TRY_ASSIGN(left, co_await source.read());
      if (left.empty()) {
        co_return fail(Code::data_loss, "an object is shorter than the object store said");
      }
    }
    const auto taken = left.first(std::min<std::uint64_t>(left.size(), size - part.size()));
    part.append(taken);
    left = left.subspan(taken.size());
  }
  co_return Result<void>();
}

Task<Result<void>> send_through_memory(Backend& backend, Context& context, Multipart& upload,
                                       ByteSource& source, std::uint64_t size) {
  const PartSizes sizes(backend.settings.chunk_bytes, size);
  std::span<const std::byte> left;
  while (size > 0) {
    const std::uint64_t length = std::min(size, sizes.of(upload.parts() + 1));
    BUNKER_CO_TRY_ASSIGN(Permits memory,
                         co_await backend.part_memory.acquire(length, context.deadline));
    auto part = std::make_shared<PartBuffer>(backend.blocks, backend.client.signs_payloads());
    BUNKER_CO_TRY(co_await fill(*part, source, left, length));
    BUNKER_CO_TRY(co_await upload.add(std::move(part), std::move(memory)));
    size -= length;
  }
  co_return Result<void>();
}

Task<Result<void>> copy_through_memory(Backend& backend, Context& context, const ObjectKey& source,
                                       const ObjectKey& key, std::uint64_t size) {
  BUNKER_CO_TRY_ASSIGN(Object object, co_await open_object(backend, context, source, {}));
  const auto bytes = make_source(std::move(object.body));
  BUNKER_CO_TRY_ASSIGN(const auto upload, co_await Multipart::create(backend, context, key));
  auto done = co_await send_through_memory(backend, context, *upload, *bytes, size);
  if (done) done = co_await upload->complete(context, size);
  if (!done) upload->abandon();
  co_return done;
}

}  // namespace

Task<Result<void>> copy_object(Backend& backend, Context& context, ObjectKey source, ObjectKey key,
                               std::uint64_t size) {
  if (!backend.lacks_copy) {
    const bool big = size > std::min(kMaxSingleCopy, backend.settings.copy_threshold_bytes);
    Result<void> done;
    if (big) {
      done = co_await copy_in_parts(backend, context, source, key, size);
    } else {
      done = co_await copy_at_once(backend, context, source, key);
    }
    if (done || done.error().code != Code::unsupported) co_return done;
    backend.lacks_copy = true;
  }
  co_return co_await copy_through_memory(backend, context, source, key, size);
}

}  // namespace bunker::storage::s3
