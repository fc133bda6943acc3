#include "tests/unit/registryd/core/registry_fixture.h"

#include <algorithm>

namespace bunker::registry {

using storage::ObjectKey;

Task<Result<void>> StoreDecorator::before(std::string_view call, bool writes) {
  (void)call;
  (void)writes;
  co_return Result<void>();
}

Task<Result<storage::ObjectInfo>> StoreDecorator::head(Context& context, ObjectKey key) {
  BUNKER_CO_TRY(co_await before("head", false));
  co_return co_await inner_.head(context, std::move(key));
}

Task<Result<storage::Object>> StoreDecorator::get(Context& context, ObjectKey key,
                                                  storage::ByteRange range) {
  BUNKER_CO_TRY(co_await before("get", false));
  co_return co_await inner_.get(context, std::move(key), range);
}

Task<Result<std::string>> StoreDecorator::read(Context& context, ObjectKey key, std::size_t limit) {
  BUNKER_CO_TRY(co_await before("read", false));
  co_return co_await inner_.read(context, std::move(key), limit);
}

Task<Result<void>> StoreDecorator::put(Context& context, ObjectKey key, std::string bytes) {
  BUNKER_CO_TRY(co_await before("put", true));
  co_return co_await inner_.put(context, std::move(key), std::move(bytes));
}

Task<Result<storage::ListPage>> StoreDecorator::list(Context& context, std::string prefix,
                                                     storage::ListOptions options) {
  BUNKER_CO_TRY(co_await before("list", false));
  co_return co_await inner_.list(context, std::move(prefix), std::move(options));
}

// One write a key, so that a process can die between any two.
Task<Result<void>> StoreDecorator::remove(Context& context, std::vector<ObjectKey> keys) {
  for (ObjectKey& key : keys) {
    BUNKER_CO_TRY(co_await before("remove", true));
    std::vector<ObjectKey> one{std::move(key)};
    BUNKER_CO_TRY(co_await inner_.remove(context, std::move(one)));
  }
  co_return Result<void>();
}

Task<Result<std::unique_ptr<storage::UploadWriter>>> StoreDecorator::open_upload(
    Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
    std::optional<std::uint64_t> expected_size) {
  BUNKER_CO_TRY(co_await before("open_upload", true));
  co_return co_await inner_.open_upload(context, std::move(scratch), std::move(token), offset,
                                        expected_size);
}

Task<Result<storage::Object>> StoreDecorator::read_upload(Context& context, ObjectKey scratch,
                                                          std::string token) {
  BUNKER_CO_TRY(co_await before("read_upload", false));
  co_return co_await inner_.read_upload(context, std::move(scratch), std::move(token));
}

Task<Result<void>> StoreDecorator::abort_upload(Context& context, ObjectKey scratch,
                                                std::string token) {
  BUNKER_CO_TRY(co_await before("abort_upload", true));
  co_return co_await inner_.abort_upload(context, std::move(scratch), std::move(token));
}

Task<Result<storage::ListPage>> CountingStore::list(Context& context, std::string prefix,
                                                    storage::ListOptions options) {
  options.limit = std::min(options.limit, largest_page);
  co_return co_await StoreDecorator::list(context, std::move(prefix), std::move(options));
}

Task<Result<void>> CountingStore::before(std::string_view call, bool writes) {
  (void)writes;
  calls.emplace_back(call);
  most_at_once = std::max(most_at_once, ++at_once_);
  if (remote()) co_await sleep_for(std::chrono::nanoseconds(0));
  --at_once_;
  co_return Result<void>();
}

Task<Result<void>> DyingStore::before(std::string_view call, bool writes) {
  (void)call;
  if (writes && !died_ && writes_left_-- == 0) died_ = true;
  if (died_) co_return fail(Code::retry_later, "the store died");
  co_return Result<void>();
}

Task<Result<std::span<const std::byte>>> PiecesSource::read() {
  const std::size_t size = std::min(piece_, bytes_.size() - at_);
  if (size == 0 && error_) co_return fail(*error_);
  const auto piece = std::as_bytes(std::span(bytes_)).subspan(at_, size);
  at_ += size;
  co_return piece;
}

RepositoryName name_of(std::string_view text) {
  return RepositoryName::parse(text).value();
}

Tag tag_of(std::string_view text) {
  return Tag::parse(text).value();
}

Digest sha256_of(std::string_view bytes) {
  return Digest::of(Algorithm::sha256, bytes);
}

Digest sha512_of(std::string_view bytes) {
  return Digest::of(Algorithm::sha512, bytes);
}

std::string descriptor(std::string_view media_type, const Digest& digest, std::size_t size,
                       std::string_view extra) {
  return R"({"mediaType":")" + std::string(media_type) + R"(","digest":")" + digest.str() +
         R"(","size":)" + std::to_string(size) + std::string(extra) + "}";
}

std::string blob_descriptor(std::string_view bytes, Algorithm algorithm) {
  return descriptor("application/octet-stream", Digest::of(algorithm, bytes), bytes.size());
}

namespace {

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

}  // namespace

std::string image(const std::string& config, const std::vector<std::string>& layers,
                  std::string_view extra) {
  return R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::kOciImage) +
         R"(","config":)" + config + R"(,"layers":[)" + join(layers) + "]" + std::string(extra) +
         "}";
}

std::string index_of(const std::vector<std::string>& children, std::string_view extra) {
  return R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::kOciIndex) +
         R"(","manifests":[)" + join(children) + "]" + std::string(extra) + "}";
}

Result<Manifest> SyncRegistry::get(std::string_view name, std::string_view reference) {
  return run_task(registry.get_manifest(context, name_of(name), *parse_reference(reference)));
}

Result<ManifestPushed> SyncRegistry::put(std::string_view name, std::string_view reference,
                                         std::string bytes, std::string media_type,
                                         std::vector<std::string> tags) {
  std::vector<Tag> parsed;
  for (const std::string& tag : tags) parsed.push_back(tag_of(tag));
  return run_task(registry.put_manifest(context, name_of(name), *parse_reference(reference),
                                        std::move(media_type), std::move(bytes),
                                        std::move(parsed)));
}

Result<BlobInfo> SyncRegistry::stat(std::string_view name, const Digest& digest) {
  return run_task(registry.stat_blob(context, name_of(name), digest));
}

Result<std::string> SyncRegistry::blob(std::string_view name, const Digest& digest,
                                       storage::ByteRange range) {
  auto found = run_task(registry.get_blob(context, name_of(name), digest, range));
  if (!found) return fail(std::move(found).error());
  const auto source = make_source(std::move(found->body));
  return run_task(read_all(*source, std::size_t{1} << 30));
}

Result<NamePage> SyncRegistry::tags(std::string_view name, std::string last,
                                    std::optional<std::size_t> limit) {
  PageRequest request{std::move(last), limit};
  return run_task(registry.tags(context, name_of(name), std::move(request)));
}

Result<NamePage> SyncRegistry::catalog(std::string last, std::optional<std::size_t> limit) {
  PageRequest request{std::move(last), limit};
  return run_task(registry.catalog(context, std::move(request)));
}

Result<std::string> SyncRegistry::referrers(std::string_view name, const Digest& subject,
                                            std::string artifact_type) {
  return run_task(registry.referrers(context, name_of(name), subject, std::move(artifact_type)));
}

Result<Upload> SyncRegistry::start(std::string_view name, Algorithm algorithm) {
  return run_task(registry.start_upload(context, name_of(name), algorithm));
}

Result<Upload> SyncRegistry::append(const Upload& upload, std::string bytes,
                                    std::optional<std::uint64_t> start,
                                    std::optional<std::uint64_t> announced) {
  PiecesSource body(std::move(bytes));
  return run_task(registry.append(context, upload, body, start, announced));
}

Result<Upload> SyncRegistry::append(const Upload& upload, ByteSource& body,
                                    std::optional<std::uint64_t> announced) {
  return run_task(registry.append(context, upload, body, std::nullopt, announced));
}

Result<BlobInfo> SyncRegistry::finish(const Upload& upload, const Digest& digest, std::string bytes,
                                      std::optional<std::uint64_t> start,
                                      std::optional<std::uint64_t> announced) {
  PiecesSource body(std::move(bytes));
  return run_task(registry.finish(context, upload, digest, body, start, announced));
}

Result<BlobInfo> SyncRegistry::finish(const Upload& upload, const Digest& digest, ByteSource& body,
                                      std::optional<std::uint64_t> announced) {
  return run_task(registry.finish(context, upload, digest, body, std::nullopt, announced));
}

Result<Upload> SyncRegistry::status(const Upload& upload) {
  return run_task(registry.status(context, upload));
}

Result<void> SyncRegistry::cancel(const Upload& upload) {
  return run_task(registry.cancel(context, upload));
}

Result<bool> SyncRegistry::mount(std::string_view name, const Digest& digest,
                                 std::optional<std::string_view> from) {
  std::optional<RepositoryName> source;
  if (from) source = name_of(*from);
  return run_task(registry.mount(context, name_of(name), digest, std::move(source)));
}

Result<void> SyncRegistry::remove(std::string_view name, std::string_view reference) {
  return run_task(registry.delete_manifest(context, name_of(name), *parse_reference(reference)));
}

Result<void> SyncRegistry::remove_blob(std::string_view name, const Digest& digest) {
  return run_task(registry.delete_blob(context, name_of(name), digest));
}

Result<Registry::PurgeReport> SyncRegistry::purge(std::chrono::seconds age, bool dry_run) {
  return run_task(registry.purge_uploads(context, age, dry_run));
}

Result<BlobInfo> SyncRegistry::push(std::string_view name, std::string bytes, Algorithm algorithm) {
  BUNKER_TRY_ASSIGN(const Upload upload, start(name, algorithm));
  const Digest digest = Digest::of(algorithm, bytes);
  return finish(upload, digest, std::move(bytes));
}

RegistryTest::RegistryTest() {
  store_.set_remote(GetParam());
  registry_ = replica();
}

Registry::Options RegistryTest::default_options() {
  Registry::Options options;
  options.delete_enabled = true;
  return options;
}

std::unique_ptr<SyncRegistry> RegistryTest::replica(Registry::Options options) {
  return std::make_unique<SyncRegistry>(store_, clock_, std::move(options));
}

std::vector<std::string> RegistryTest::keys(std::string prefix) {
  Context context;
  storage::ListOptions options;
  options.limit = 1'000'000;
  const auto page = run_task(memory_->list(context, std::move(prefix), std::move(options)));
  std::vector<std::string> out;
  for (const auto& entry : page->entries) out.push_back(entry.key);
  return out;
}

void RegistryTest::put_object(std::string key, std::string bytes) {
  Context context;
  ASSERT_TRUE(run_task(memory_->put(context, std::move(key), std::move(bytes))));
}

void RegistryTest::remove_object(std::string key) {
  Context context;
  std::vector<ObjectKey> one{std::move(key)};
  ASSERT_TRUE(run_task(memory_->remove(context, std::move(one))));
}

Result<std::string> RegistryTest::read_object(std::string key) {
  Context context;
  return run_task(memory_->read(context, std::move(key), 1 << 20));
}

}  // namespace bunker::registry
