#include "registryd/core/registry.h"

#include <algorithm>

#include "lib/runtime/io_threads.h"
#include "registryd/core/errors.h"
#include "registryd/core/manifest.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kMaxLinkBytes = 512;
constexpr std::size_t kListPage = 10'000;  // drivers return fewer where their backend does
constexpr std::size_t kBreath = 256;
constexpr std::chrono::hours kLinkIsNew{1};

}  // namespace

Registry::Registry(storage::ObjectStore& store, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(store, clock, std::move(options))) {}

Registry::~Registry() = default;

Registry::CacheStats Registry::manifest_cache() const {
  const ManifestCache::Stats stats = impl_->manifests.stats();
  return {stats.hits, stats.misses, stats.bytes};
}

void Registry::set_read_only(bool read_only) noexcept {
  impl_->read_only.store(read_only, std::memory_order_relaxed);
}

bool Registry::read_only() const noexcept {
  return impl_->read_only.load(std::memory_order_relaxed);
}

const CollectionGuard& Registry::guard() const noexcept {
  return impl_->guard;
}

Registry::Impl::Impl(storage::ObjectStore& object_store, const Clock& wall_clock, Options settings)
    : store(object_store),
      clock(wall_clock),
      options(std::move(settings)),
      read_only(options.read_only),
      manifests(options.manifest_cache_bytes),
      url_rules(options.references),
      guard(store, options.timer != nullptr ? *options.timer : system_timer, options.collection) {}

Result<void> Registry::Impl::check_writable() const {
  if (!read_only.load(std::memory_order_relaxed)) return {};
  return fail(Code::unsupported, "the registry is read-only for now",
              "try again when its maintenance (storage.maintenance.readonly) is over",
              reason::kUnsupported);
}

Result<void> Registry::Impl::check_deletable() const {
  BUNKER_TRY(check_writable());
  if (options.delete_enabled) return {};
  return fail(Code::unsupported, "deletion is switched off",
              "set storage.delete.enabled: true in the registry's configuration",
              reason::kUnsupported);
}

Task<Result<Digest>> Registry::Impl::read_link(storage::ObjectStore& from, Context& context,
                                               storage::ObjectKey key) {
  BUNKER_CO_TRY_ASSIGN(const std::string content,
                       co_await from.read(context, std::move(key), kMaxLinkBytes));
  auto digest = layout::parse_link(content);
  if (!digest) co_return fail(Code::not_found, "a link of the registry is damaged");
  co_return *std::move(digest);
}

Task<Result<Digest>> Registry::Impl::blob_target(storage::ObjectStore& from, Context& context,
                                                 const RepositoryName& name, const Digest& digest) {
  return read_link(from, context, layout::layer_link(name, digest));
}

Task<Result<bool>> Registry::Impl::exists(Context& context, storage::ObjectKey key) {
  const auto info = co_await store.exact().head(context, std::move(key));
  if (info) co_return true;
  if (info.error().code == Code::not_found) co_return false;
  co_return fail(info.error());
}

Task<Result<bool>> Registry::Impl::has_blob(Context& context, const RepositoryName& name,
                                            const Digest& digest, std::optional<bool> linked) {
  if (linked == false) co_return false;
  if (linked == true) {
    BUNKER_CO_TRY_ASSIGN(const bool present, co_await exists(context, layout::blob_data(digest)));
    if (present) co_return true;  // else the link may name another digest
  }
  const auto target = co_await blob_target(store.exact(), context, name, digest);
  if (target) co_return co_await exists(context, layout::blob_data(*target));
  if (target.error().code == Code::not_found) co_return false;
  co_return fail(target.error());
}

Task<Result<bool>> Registry::Impl::has_manifest(Context& context, const RepositoryName& name,
                                                const Digest& digest) {
  BUNKER_CO_TRY_ASSIGN(const bool linked,
                       co_await exists(context, layout::revision_link(name, digest)));
  if (!linked) co_return false;
  co_return co_await exists(context, layout::blob_data(digest));
}

Task<Result<StoredManifestPtr>> Registry::Impl::load_manifest(Context& context,
                                                              const RepositoryName& name,
                                                              const Digest& digest) {
  StoredManifestPtr manifest = manifests.find(digest);
  storage::ObjectKey link = layout::revision_link(name, digest);
  if (manifest || !store.remote()) {
    BUNKER_CO_TRY(co_await store.head(context, std::move(link)));
    if (manifest) co_return manifest;
    co_return co_await load_bytes(context, digest);
  }
  std::vector<Task<Result<void>>> calls;
  calls.push_back(require(context, std::move(link)));
  calls.push_back(load_bytes_into(context, digest, manifest));
  auto results = co_await when_all(std::move(calls));
  for (auto& result : results) BUNKER_CO_TRY(std::move(result));
  co_return manifest;
}

Task<Result<void>> Registry::Impl::require(Context& context, storage::ObjectKey key) {
  BUNKER_CO_TRY(co_await store.head(context, std::move(key)));
  co_return Result<void>();
}

Task<Result<void>> Registry::Impl::load_bytes_into(Context& context, const Digest& digest,
                                                   StoredManifestPtr& out) {
  BUNKER_CO_TRY_ASSIGN(out, co_await load_bytes(context, digest));
  co_return Result<void>();
}

Task<Result<StoredManifestPtr>> Registry::Impl::load_bytes(Context& context, const Digest& digest) {
  // What was accepted under another limit is still served.
  const std::size_t limit = std::max(options.max_manifest_bytes, std::size_t{4} << 20);
  BUNKER_CO_TRY_ASSIGN(std::string bytes,
                       co_await store.read(context, layout::blob_data(digest), limit));
  if (Digest::of(digest.algorithm(), bytes) != digest) {
    co_return fail(Code::data_loss, "the stored manifest " + digest.str() + " is damaged",
                   "push the image again");
  }
  auto manifest = std::make_shared<StoredManifest>();
  manifest->media_type = stored_media_type(bytes);
  manifest->bytes = std::make_shared<const std::string>(std::move(bytes));
  manifests.insert(digest, manifest);
  co_return manifest;
}

Task<Result<void>> Registry::Impl::put_if_different(Context& context, storage::ObjectKey key,
                                                    std::string bytes) {
  if (!store.remote()) {
    const auto present = co_await store.read(context, key, bytes.size());
    if (present && *present == bytes) co_return Result<void>();
  }
  co_return co_await store.put(context, std::move(key), std::move(bytes));
}

Task<Result<void>> Registry::Impl::renew_link(Context& context, storage::ObjectKey key,
                                              std::string target) {
  if (!store.remote()) {
    const auto present = co_await store.head(context, key);
    if (present && clock.now() - present->modified < kLinkIsNew) {
      co_return co_await put_if_different(context, std::move(key), std::move(target));
    }
  }
  co_return co_await store.put(context, std::move(key), std::move(target));
}

Task<Result<bool>> Registry::Impl::any_under(Context& context, std::string prefix) {
  storage::ListOptions options_for_one;
  options_for_one.limit = 1;
  BUNKER_CO_TRY_ASSIGN(const auto page,
                       co_await store.list(context, std::move(prefix), std::move(options_for_one)));
  co_return !page.entries.empty();
}

Task<Result<std::vector<storage::ListEntry>>> Registry::Impl::all_under(Context& context,
                                                                        std::string prefix) {
  std::vector<storage::ListEntry> out;
  storage::ListOptions list;
  list.limit = kListPage;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(auto page, co_await store.list(context, prefix, list));
    std::ranges::move(page.entries, std::back_inserter(out));
    if (!page.truncated || out.empty()) co_return out;
    list.start_after = out.back().key;
  }
}

Task<void> breathe(std::size_t step) {
  if (step % kBreath == kBreath - 1) co_await sleep_for(std::chrono::nanoseconds(0));
}

Error unknown_blob(const RepositoryName& name, const Digest& digest) {
  return {Code::not_found, "blob unknown to the registry",
          "repository " + name.str() + " has no blob " + digest.str(), reason::kBlobUnknown};
}

Error unknown_manifest(const RepositoryName& name, const Reference& reference) {
  const bool tag = std::holds_alternative<Tag>(reference);
  return {
      Code::not_found, "manifest unknown",
      "repository " + name.str() + " has no " + (tag ? "tag " : "manifest ") + to_string(reference),
      reason::kManifestUnknown};
}

Error unknown_repository(const RepositoryName& name) {
  return {Code::not_found, "repository name not known to registry",
          "there is no repository " + name.str(), reason::kNameUnknown};
}

Error unknown_upload(const Upload& upload) {
  return {Code::not_found, "blob upload unknown to registry",
          "the upload " + upload.uuid + " of repository " + upload.repository.str() +
              " was finished, cancelled, or goes on at a newer Location",
          reason::kBlobUploadUnknown};
}

}  // namespace bunker::registry
