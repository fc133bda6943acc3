// Reads of one thing: manifests and blobs.
#include "lib/runtime/io_threads.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {

Task<Result<Manifest>> Registry::get_manifest(Context& context, RepositoryName name,
                                              Reference reference) {
  std::optional<Digest> digest;
  if (const auto* tag = std::get_if<Tag>(&reference)) {
    // Read from the store each time, so that every replica answers with the latest push.
    auto target = co_await Impl::read_link(impl_->store, context, layout::tag_current(name, *tag));
    if (!target) {
      co_return fail(or_unknown(std::move(target), unknown_manifest(name, reference)).error());
    }
    digest = *std::move(target);
  } else {
    digest = std::get<Digest>(reference);
  }
  auto stored = co_await impl_->load_manifest(context, name, *digest);
  if (!stored) {
    co_return fail(or_unknown(std::move(stored), unknown_manifest(name, reference)).error());
  }
  co_return Manifest{*std::move(digest), (*stored)->media_type, (*stored)->bytes};
}

Task<Result<BlobInfo>> Registry::stat_blob(Context& context, RepositoryName name, Digest digest) {
  co_return or_unknown(co_await Impl::stat(impl_->store, context, name, digest),
                       unknown_blob(name, digest));
}

Task<Result<BlobInfo>> Registry::Impl::stat(storage::ObjectStore& from, Context& context,
                                            const RepositoryName& name, const Digest& digest) {
  // One after the other: most of these calls ask for a blob that is not there, and then cost one.
  BUNKER_CO_TRY_ASSIGN(const Digest target, co_await blob_target(from, context, name, digest));
  BUNKER_CO_TRY_ASSIGN(const auto info, co_await from.head(context, layout::blob_data(target)));
  co_return BlobInfo{digest, info.size};
}

Task<Result<std::optional<std::string>>> Registry::blob_url(Context& context, RepositoryName name,
                                                            Digest digest, unsigned seconds) {
  if (!impl_->store.presign_get(layout::blob_data(digest), seconds)) co_return std::nullopt;
  auto target =
      or_unknown(co_await impl_->stored_blob(context, name, digest), unknown_blob(name, digest));
  if (!target) co_return fail(std::move(target).error());
  co_return impl_->store.presign_get(layout::blob_data(*target), seconds);
}

Task<Result<Blob>> Registry::get_blob(Context& context, RepositoryName name, Digest digest,
                                      storage::ByteRange range) {
  auto object = or_unknown(co_await impl_->open_blob(context, name, digest, range),
                           unknown_blob(name, digest));
  if (!object) co_return fail(std::move(object).error());
  co_return Blob{object->info.size, object->offset, std::move(object->body)};
}

Task<Result<storage::Object>> Registry::Impl::open_blob(Context& context,
                                                        const RepositoryName& name,
                                                        const Digest& digest,
                                                        storage::ByteRange range) {
  if (!store.remote()) {
    BUNKER_CO_TRY_ASSIGN(const Digest target, co_await blob_target(store, context, name, digest));
    co_return co_await store.get(context, layout::blob_data(target), range);
  }
  std::optional<Digest> target;
  storage::Object object;
  std::vector<Task<Result<void>>> calls;
  calls.push_back(blob_target_into(context, name, digest, target));
  calls.push_back(get_into(context, layout::blob_data(digest), range, object));
  auto results = co_await when_all(std::move(calls));
  BUNKER_CO_TRY(std::move(results[0]));
  if (*target != digest) co_return co_await store.get(context, layout::blob_data(*target), range);
  BUNKER_CO_TRY(std::move(results[1]));
  co_return object;
}

Task<Result<Digest>> Registry::Impl::stored_blob(Context& context, const RepositoryName& name,
                                                 const Digest& digest) {
  std::optional<Digest> target;
  std::vector<Task<Result<void>>> calls;
  calls.push_back(blob_target_into(context, name, digest, target));
  calls.push_back(require(context, layout::blob_data(digest)));
  auto results = co_await when_all(std::move(calls));
  BUNKER_CO_TRY(std::move(results[0]));
  if (*target != digest) results[1] = co_await require(context, layout::blob_data(*target));
  BUNKER_CO_TRY(std::move(results[1]));
  co_return *std::move(target);
}

Task<Result<void>> Registry::Impl::blob_target_into(Context& context, const RepositoryName& name,
                                                    const Digest& digest,
                                                    std::optional<Digest>& out) {
  BUNKER_CO_TRY_ASSIGN(out, co_await blob_target(store, context, name, digest));
  co_return Result<void>();
}

Task<Result<void>> Registry::Impl::get_into(Context& context, storage::ObjectKey key,
                                            storage::ByteRange range, storage::Object& out) {
  BUNKER_CO_TRY_ASSIGN(out, co_await store.get(context, std::move(key), range));
  co_return Result<void>();
}

}  // namespace bunker::registry
