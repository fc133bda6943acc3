#include "registryd/storage/filesystem/filesystem_store.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <span>

#include <fcntl.h>
#include <sys/uio.h>

#include "lib/runtime/io_threads.h"
#include "registryd/storage/filesystem/core.h"
#include "registryd/storage/filesystem/filesystem_upload.h"
#include "registryd/storage/filesystem/upload_file.h"
#include "registryd/storage/object_key.h"

namespace bunker::storage {
namespace {

using Lookup = Tree::Lookup;

constexpr std::size_t kRemovedAtOnce = 64;
constexpr std::size_t kRemovers = 8;  // of the pool's threads

Error read_error(int error, const ObjectKey& key) {
  if (means_absent(error)) return {Code::not_found, "there is no object " + key};
  if (error == EIO) {
    return {Code::data_loss, "the disk cannot read " + key, "look at the kernel's log"};
  }
  return system_error(error, "read", key);
}

ObjectInfo info_of(const struct stat& info) {
  return {static_cast<std::uint64_t>(info.st_size), to_time(info.st_mtim)};
}

// Reads the whole object. With Lookup::cached only what is in memory: EAGAIN, else.
Sys<Result<std::string>> read_whole(const Tree& tree, const ObjectKey& key, std::size_t limit,
                                    Lookup lookup) {
  const auto opened = tree.open_file(key, O_RDONLY, lookup);
  if (!opened) return std::unexpected(opened.error());
  const auto size = static_cast<std::uint64_t>(opened->info.st_size);
  if (size > limit) {
    return Result<std::string>(
        fail(Code::too_large, key + " is over " + std::to_string(limit) + " bytes"));
  }
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const iovec rest{bytes.data() + have, bytes.size() - have};
    const int flags = lookup == Lookup::cached ? RWF_NOWAIT : 0;
    const ssize_t got = ::preadv2(opened->file.get(), &rest, 1, static_cast<off_t>(have), flags);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno == EOPNOTSUPP ? EAGAIN : errno);
    if (got == 0) break;  // distribution overwrites files in place: take what is there
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

Result<void> check_call(const Context& context, const ObjectKey& key) {
  BUNKER_TRY(check_deadline(context));
  BUNKER_TRY(check_key(key));
  if (is_hidden_in_root(std::string_view(key).substr(0, key.find('/')))) {
    return fail(Code::invalid, "an object key begins with a name that the folder reserves", key);
  }
  return {};
}

class FilesystemStore final : public ObjectStore {
 public:
  FilesystemStore(Tree tree, BlockingPool& pool, std::size_t list_cache_bytes)
      : core_(std::make_shared<FilesystemCore>(std::move(tree), pool, list_cache_bytes)),
        pool_(pool) {}
  ~FilesystemStore() override { core_->pool = nullptr; }
  FilesystemStore(const FilesystemStore&) = delete;
  FilesystemStore& operator=(const FilesystemStore&) = delete;

  [[nodiscard]] std::string_view driver() const noexcept override { return "filesystem"; }

  Task<Result<ObjectInfo>> head(Context& context, ObjectKey key) override;
  Task<Result<Object>> get(Context& context, ObjectKey key, ByteRange range) override;
  Task<Result<std::string>> read(Context& context, ObjectKey key, std::size_t limit) override;
  Task<Result<void>> put(Context& context, ObjectKey key, std::string bytes) override;
  Task<Result<ListPage>> list(Context& context, std::string prefix, ListOptions options) override;
  Task<Result<void>> remove(Context& context, std::vector<ObjectKey> keys) override;
  Task<Result<std::unique_ptr<UploadWriter>>> open_upload(
      Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) override;
  Task<Result<Object>> read_upload(Context& context, ObjectKey scratch, std::string token) override;
  Task<Result<void>> abort_upload(Context& context, ObjectKey scratch, std::string token) override;

 private:
  // Not made durable: adds to `changed` what is to be synced.
  Task<Result<void>> remove_some(Context& context, std::span<const ObjectKey> keys,
                                 std::set<std::string>& changed);

  // The result of look(Lookup), here when it needs no disk, else on the pool.
  template <class Look>
  Task<std::invoke_result_t<Look&, Lookup>> look_up(Look look) {
    auto result = look(Lookup::cached);
    if (result || result.error() != EAGAIN) co_return result;
    auto job = [&look] { return look(Lookup::full); };
    co_return co_await pool_.run(std::move(job));
  }

  std::shared_ptr<FilesystemCore> core_;
  BlockingPool& pool_;
};

Task<Result<ObjectInfo>> FilesystemStore::head(Context& context, ObjectKey key) {
  BUNKER_CO_TRY(check_call(context, key));
  auto look = [&](Lookup lookup) { return core_->tree.stat(key, lookup); };
  const auto info = co_await look_up(std::move(look));
  if (!info) co_return fail(read_error(info.error(), key));
  if (!S_ISREG(info->st_mode)) co_return fail(read_error(ENOENT, key));
  co_return info_of(*info);
}

Task<Result<Object>> FilesystemStore::get(Context& context, ObjectKey key, ByteRange range) {
  BUNKER_CO_TRY(check_call(context, key));
  auto look = [&](Lookup lookup) { return core_->tree.open_file(key, O_RDONLY, lookup); };
  auto opened = co_await look_up(std::move(look));
  if (!opened) co_return fail(read_error(opened.error(), key));
  Object object;
  object.info = info_of(opened->info);
  BUNKER_CO_TRY_ASSIGN(const Extent extent, resolve_range(range, object.info.size));
  object.offset = extent.offset;
  auto file = std::make_shared<const FileHandle>(opened->file.release());
  object.body = Body(FileRegion{std::move(file), extent.offset, extent.length});
  co_return object;
}

Task<Result<std::string>> FilesystemStore::read(Context& context, ObjectKey key,
                                                std::size_t limit) {
  BUNKER_CO_TRY(check_call(context, key));
  auto look = [&](Lookup lookup) { return read_whole(core_->tree, key, limit, lookup); };
  auto bytes = co_await look_up(std::move(look));
  if (!bytes) co_return fail(read_error(bytes.error(), key));
  co_return *std::move(bytes);
}

Task<Result<void>> FilesystemStore::put(Context& context, ObjectKey key, std::string bytes) {
  BUNKER_CO_TRY(check_call(context, key));
  auto job = [&] { return core_->tree.write_file(key, std::as_bytes(std::span(bytes))); };
  const auto done = co_await pool_.run(std::move(job));
  if (!done) co_return fail(system_error(done.error(), "write", key));
  co_return Result<void>();
}

Task<Result<ListPage>> FilesystemStore::list(Context& context, std::string prefix,
                                             ListOptions options) {
  BUNKER_CO_TRY(check_deadline(context));
  if (auto page = core_->lister.list_from_memory(prefix, options)) co_return *std::move(page);
  auto job = [&] { return core_->lister.list(prefix, options); };
  auto page = co_await pool_.run(std::move(job));
  if (!page) co_return fail(system_error(page.error(), "list", prefix));
  co_return *std::move(page);
}

// A disk waits more than it works, so several threads remove at once, each from neighbours.
Task<Result<void>> FilesystemStore::remove(Context& context, std::vector<ObjectKey> keys) {
  BUNKER_CO_TRY(check_deadline(context));
  for (const ObjectKey& key : keys) BUNKER_CO_TRY(check_call(context, key));
  std::ranges::sort(keys);
  std::set<std::string> changed;
  std::vector<Task<Result<void>>> jobs;
  for (std::size_t from = 0; from < keys.size(); from += kRemovedAtOnce) {
    const std::size_t count = std::min(kRemovedAtOnce, keys.size() - from);
    jobs.push_back(remove_some(context, std::span(keys).subspan(from, count), changed));
  }
  const auto results = co_await when_all(std::move(jobs), kRemovers);
  auto job = [&] { return core_->tree.sync_folders(changed); };
  const auto synced = co_await pool_.run(std::move(job));
  for (const Result<void>& result : results) BUNKER_CO_TRY(result);
  if (!synced) co_return fail(system_error(synced.error(), "remove", "objects"));
  co_return Result<void>();
}

Task<Result<void>> FilesystemStore::remove_some(Context& context, std::span<const ObjectKey> keys,
                                                std::set<std::string>& changed) {
  BUNKER_CO_TRY(check_deadline(context));
  auto job = [&] { return core_->tree.remove(keys); };
  auto folders = co_await pool_.run(std::move(job));
  if (!folders) co_return fail(system_error(folders.error(), "remove", "objects"));
  changed.merge(*folders);
  co_return Result<void>();
}

Task<Result<std::unique_ptr<UploadWriter>>> FilesystemStore::open_upload(
    Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
    std::optional<std::uint64_t> expected_size) {
  (void)expected_size;
  BUNKER_CO_TRY(check_call(context, scratch));
  const bool is_new = token.empty();
  UploadToken state;
  if (!is_new) {
    BUNKER_CO_TRY_ASSIGN(state, check_upload_token(token, offset));
  } else if (offset != 0) {
    co_return fail(Code::out_of_range, "a new upload starts at 0");
  }
  auto job = [&] {
    if (is_new) return UploadFile::create(core_->tree, scratch);
    return UploadFile::open(core_->tree, scratch, state);
  };
  BUNKER_CO_TRY_ASSIGN(auto file, co_await pool_.run(std::move(job)));
  co_return std::make_unique<FilesystemUpload>(core_, std::move(file), is_new);
}

Task<Result<Object>> FilesystemStore::read_upload(Context& context, ObjectKey scratch,
                                                  std::string token) {
  BUNKER_CO_TRY(check_call(context, scratch));
  const auto state = parse_upload_token(token);
  if (!state) co_return fail(Code::not_found, "the upload is not known here");
  auto job = [&] { return UploadFile::open_to_read(core_->tree, scratch, *state); };
  BUNKER_CO_TRY_ASSIGN(auto opened, co_await pool_.run(std::move(job)));
  Object object;
  object.info = {state->offset, to_time(opened.info.st_mtim)};
  auto file = std::make_shared<const FileHandle>(opened.file.release());
  object.body = Body(FileRegion{std::move(file), 0, state->offset});
  co_return object;
}

Task<Result<void>> FilesystemStore::abort_upload(Context& context, ObjectKey scratch,
                                                 std::string token) {
  BUNKER_CO_TRY(check_call(context, scratch));
  const auto state = parse_upload_token(token);
  if (!state) co_return Result<void>();
  const std::string path = UploadFile::path_of(scratch, *state);
  auto job = [&] { return core_->tree.discard(path); };
  const auto done = co_await pool_.run(std::move(job));
  if (!done) co_return fail(system_error(done.error(), "remove", path));
  co_return Result<void>();
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_filesystem_store(const FilesystemOptions& options) {
  BUNKER_TRY_ASSIGN(Tree tree, Tree::open(options.root));
  return std::make_unique<FilesystemStore>(std::move(tree), *options.pool,
                                           options.list_cache_bytes);
}

}  // namespace bunker::storage
