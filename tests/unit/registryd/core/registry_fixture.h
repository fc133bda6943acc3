// A Registry over the memory store, and what its tests share: synchronous calls, manifests to push,
// and stores that misbehave.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "lib/base/clock.h"
#include "lib/runtime/io_threads.h"
#include "registryd/core/manifest.h"
#include "registryd/core/registry.h"
#include "registryd/storage/memory/memory_store.h"

namespace bunker::registry {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return now_; }
  void advance(std::chrono::seconds by) { now_ += by; }

 private:
  SystemTime now_ = std::chrono::system_clock::now();
};

// Passes every call on. What derives from it counts, delays or fails some.
class StoreDecorator : public storage::ObjectStore {
 public:
  explicit StoreDecorator(storage::ObjectStore& inner) : inner_(inner) {}

  [[nodiscard]] std::string_view driver() const noexcept override { return inner_.driver(); }
  [[nodiscard]] bool remote() const noexcept override { return remote_; }
  void set_remote(bool remote) { remote_ = remote; }

  Task<Result<storage::ObjectInfo>> head(Context& context, storage::ObjectKey key) override;
  Task<Result<storage::Object>> get(Context& context, storage::ObjectKey key,
                                    storage::ByteRange range) override;
  Task<Result<std::string>> read(Context& context, storage::ObjectKey key,
                                 std::size_t limit) override;
  Task<Result<void>> put(Context& context, storage::ObjectKey key, std::string bytes) override;
  Task<Result<storage::ListPage>> list(Context& context, std::string prefix,
                                       storage::ListOptions options) override;
  Task<Result<void>> remove(Context& context, std::vector<storage::ObjectKey> keys) override;
  Task<Result<std::unique_ptr<storage::UploadWriter>>> open_upload(
      Context& context, storage::ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) override;
  Task<Result<storage::Object>> read_upload(Context& context, storage::ObjectKey scratch,
                                            std::string token) override;
  Task<Result<void>> abort_upload(Context& context, storage::ObjectKey scratch,
                                  std::string token) override;

 protected:
  // Awaited before each call; an error takes the call's place. `writes`: it changes the store.
  virtual Task<Result<void>> before(std::string_view call, bool writes);
  [[nodiscard]] storage::ObjectStore& inner() const { return inner_; }

 private:
  storage::ObjectStore& inner_;
  bool remote_ = false;
};

// Counts calls, lets others run before each of them, and returns small pages, as S3 might.
class CountingStore final : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  Task<Result<storage::ListPage>> list(Context& context, std::string prefix,
                                       storage::ListOptions options) override;

  std::vector<std::string> calls;
  std::size_t largest_page = 1000;
  std::size_t most_at_once = 0;

 protected:
  Task<Result<void>> before(std::string_view call, bool writes) override;

 private:
  std::size_t at_once_ = 0;
};

// Breaks down for good after a number of writes, as a process that is killed.
class DyingStore final : public StoreDecorator {
 public:
  DyingStore(storage::ObjectStore& inner, std::size_t writes_left)
      : StoreDecorator(inner), writes_left_(writes_left) {}
  [[nodiscard]] bool died() const { return died_; }

 protected:
  Task<Result<void>> before(std::string_view call, bool writes) override;

 private:
  std::size_t writes_left_;
  bool died_ = false;
};

// A body that comes in pieces of `piece` bytes and, where `error` is set, breaks off at its end.
class PiecesSource final : public ByteSource {
 public:
  explicit PiecesSource(std::string bytes, std::size_t piece = 1 << 16,
                        std::optional<Error> error = std::nullopt)
      : bytes_(std::move(bytes)), piece_(piece), error_(std::move(error)) {}
  Task<Result<std::span<const std::byte>>> read() override;

 private:
  std::string bytes_;
  std::size_t piece_;
  std::optional<Error> error_;
  std::size_t at_ = 0;
};

[[nodiscard]] RepositoryName name_of(std::string_view text);
[[nodiscard]] Tag tag_of(std::string_view text);
[[nodiscard]] Digest sha256_of(std::string_view bytes);
[[nodiscard]] Digest sha512_of(std::string_view bytes);

// {"mediaType":…,"digest":…,"size":…EXTRA}; `extra` begins with a comma where it is not empty.
[[nodiscard]] std::string descriptor(std::string_view media_type, const Digest& digest,
                                     std::size_t size, std::string_view extra = {});
[[nodiscard]] std::string blob_descriptor(std::string_view bytes,
                                          Algorithm algorithm = Algorithm::sha256);
// `extra`: further fields, as in descriptor().
[[nodiscard]] std::string image(const std::string& config, const std::vector<std::string>& layers,
                                std::string_view extra = {});
[[nodiscard]] std::string index_of(const std::vector<std::string>& children,
                                   std::string_view extra = {});

// A Registry whose coroutines are run to their end by each call.
class SyncRegistry {
 public:
  SyncRegistry(storage::ObjectStore& store, const Clock& clock, Registry::Options options)
      : registry(store, clock, std::move(options)) {}

  Result<Manifest> get(std::string_view name, std::string_view reference);
  Result<ManifestPushed> put(std::string_view name, std::string_view reference, std::string bytes,
                             std::string media_type = {}, std::vector<std::string> tags = {});
  Result<BlobInfo> stat(std::string_view name, const Digest& digest);
  Result<std::string> blob(std::string_view name, const Digest& digest,
                           storage::ByteRange range = {});
  Result<NamePage> tags(std::string_view name, std::string last = {},
                        std::optional<std::size_t> limit = std::nullopt);
  Result<NamePage> catalog(std::string last = {}, std::optional<std::size_t> limit = std::nullopt);
  Result<std::string> referrers(std::string_view name, const Digest& subject,
                                std::string artifact_type = {});
  Result<Upload> start(std::string_view name, Algorithm algorithm = Algorithm::sha256);
  Result<Upload> append(const Upload& upload, std::string bytes,
                        std::optional<std::uint64_t> start = std::nullopt,
                        std::optional<std::uint64_t> announced = std::nullopt);
  Result<Upload> append(const Upload& upload, ByteSource& body,
                        std::optional<std::uint64_t> announced = std::nullopt);
  Result<BlobInfo> finish(const Upload& upload, const Digest& digest, std::string bytes = {},
                          std::optional<std::uint64_t> start = std::nullopt,
                          std::optional<std::uint64_t> announced = std::nullopt);
  Result<BlobInfo> finish(const Upload& upload, const Digest& digest, ByteSource& body,
                          std::optional<std::uint64_t> announced = std::nullopt);
  Result<Upload> status(const Upload& upload);
  Result<void> cancel(const Upload& upload);
  Result<bool> mount(std::string_view name, const Digest& digest,
                     std::optional<std::string_view> from = std::nullopt);
  Result<void> remove(std::string_view name, std::string_view reference);
  Result<void> remove_blob(std::string_view name, const Digest& digest);
  Result<Registry::PurgeReport> purge(std::chrono::seconds age, bool dry_run = false);
  // POST and PUT of a whole blob.
  Result<BlobInfo> push(std::string_view name, std::string bytes,
                        Algorithm algorithm = Algorithm::sha256);

  Context context;
  Registry registry;
};

// Runs each test with a store nearby and with one that is far away (parameter: remote).
class RegistryTest : public ::testing::TestWithParam<bool> {
 protected:
  RegistryTest();

  [[nodiscard]] static Registry::Options default_options();
  // Another replica on the same store.
  [[nodiscard]] std::unique_ptr<SyncRegistry> replica(Registry::Options options);
  [[nodiscard]] std::unique_ptr<SyncRegistry> replica() { return replica(default_options()); }
  // Every key of the store that begins with `prefix`.
  [[nodiscard]] std::vector<std::string> keys(std::string prefix = {});
  void put_object(std::string key, std::string bytes);
  void remove_object(std::string key);
  [[nodiscard]] Result<std::string> read_object(std::string key);

  ManualClock clock_;
  std::unique_ptr<storage::ObjectStore> memory_ = storage::make_memory_store();
  CountingStore store_{*memory_};
  std::unique_ptr<SyncRegistry> registry_;
};

}  // namespace bunker::registry
