#include "registryd/cache/disk/disk_store.h"

#include <cerrno>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <unistd.h>

#include "lib/runtime/io_threads.h"
#include "registryd/cache/disk/fill.h"
#include "registryd/core/layout.h"
#include "registryd/storage/object_key.h"

namespace bunker::cache {
namespace {

using registry::Digest;
using storage::ByteRange;
using storage::ListOptions;
using storage::ListPage;
using storage::Object;
using storage::ObjectInfo;
using storage::ObjectKey;
using storage::ObjectStore;
using storage::UploadWriter;

std::optional<Digest> blob_of(const ObjectKey& key) {
  auto location = registry::layout::parse_key(key);
  auto* blob = location ? std::get_if<registry::layout::BlobData>(&*location) : nullptr;
  if (blob == nullptr) return std::nullopt;
  return std::move(blob->digest);
}

bool is_whole(const ByteRange& range) {
  return range.offset == 0 && !range.length && !range.suffix;
}

bool write_all(int fd, std::span<const std::byte> bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

class DiskStore final : public ObjectStore {
 public:
  DiskStore(ObjectStore& inner, std::unique_ptr<DiskFolder> folder, BlockingPool& pool,
            Metrics& metrics)
      : inner_(inner),
        state_(std::make_shared<State>(std::move(folder), pool)),
        hits_(metrics.counter("bunker_disk_cache_hits_total",
                              "Reads of blobs that the disk cache served.")),
        joins_(metrics.counter("bunker_disk_cache_joins_total",
                               "Reads of blobs that were just being fetched for another.")),
        misses_(metrics.counter("bunker_disk_cache_misses_total",
                                "Reads of blobs that the store served.")) {
    Gauge& bytes = metrics.gauge("bunker_disk_cache_bytes", "Bytes of blobs in the disk cache.");
    metrics.on_scrape([&bytes, weak = std::weak_ptr(state_)] {
      if (const auto state = weak.lock()) {
        bytes.set(static_cast<double>(state->folder->usage().bytes));
      }
    });
  }

  [[nodiscard]] std::string_view driver() const noexcept override { return inner_.driver(); }
  [[nodiscard]] bool remote() const noexcept override { return inner_.remote(); }

  Task<Result<Object>> get(Context& context, ObjectKey key, ByteRange range) override {
    const auto digest = blob_of(key);
    if (!digest) co_return co_await inner_.get(context, std::move(key), range);
    auto look = [folder = state_->folder.get(), digest] { return folder->find(*digest); };
    if (auto region = co_await state_->pool.run(std::move(look))) {
      hits_.add();
      co_return cut(*std::move(region), range);
    }
    if (!is_whole(range)) {
      misses_.add();
      co_return co_await inner_.get(context, std::move(key), range);
    }
    co_return co_await fetch(context, std::move(key), *digest);
  }

  Task<Result<void>> remove(Context& context, std::vector<ObjectKey> keys) override {
    std::vector<Digest> gone;
    for (const ObjectKey& key : keys) {
      if (auto digest = blob_of(key)) gone.push_back(*std::move(digest));
    }
    if (!gone.empty()) {
      auto forget = [folder = state_->folder.get(), gone = std::move(gone)] {
        for (const Digest& digest : gone) folder->remove(digest);
      };
      co_await state_->pool.run(std::move(forget));
    }
    co_return co_await inner_.remove(context, std::move(keys));
  }

  Task<Result<ObjectInfo>> head(Context& context, ObjectKey key) override {
    return inner_.head(context, std::move(key));
  }
  Task<Result<std::string>> read(Context& context, ObjectKey key, std::size_t limit) override {
    return inner_.read(context, std::move(key), limit);
  }
  Task<Result<void>> put(Context& context, ObjectKey key, std::string bytes) override {
    return inner_.put(context, std::move(key), std::move(bytes));
  }
  Task<Result<ListPage>> list(Context& context, std::string prefix, ListOptions options) override {
    return inner_.list(context, std::move(prefix), std::move(options));
  }
  Task<Result<std::unique_ptr<UploadWriter>>> open_upload(
      Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) override {
    return inner_.open_upload(context, std::move(scratch), std::move(token), offset, expected_size);
  }
  Task<Result<Object>> read_upload(Context& context, ObjectKey scratch,
                                   std::string token) override {
    return inner_.read_upload(context, std::move(scratch), std::move(token));
  }
  Task<Result<void>> abort_upload(Context& context, ObjectKey scratch, std::string token) override {
    return inner_.abort_upload(context, std::move(scratch), std::move(token));
  }
  // presign_get(): nobody is sent elsewhere.

 private:
  // What the tasks that fill use, which outlive the requests that started them.
  struct State {
    State(std::unique_ptr<DiskFolder> disk, BlockingPool& blocking_pool)
        : folder(std::move(disk)), pool(blocking_pool) {}

    void leave(const std::shared_ptr<Fill>& fill, Fill::Status status) {
      {
        const std::lock_guard lock(mutex);
        fills.erase(fill->digest);
      }
      fill->end(status);
    }

    const std::unique_ptr<DiskFolder> folder;
    BlockingPool& pool;
    std::mutex mutex;
    std::unordered_map<Digest, std::shared_ptr<Fill>> fills;
  };
  using StatePtr = std::shared_ptr<State>;

  // Ends a fill that nothing came of, however it was given up.
  class Opening {
   public:
    Opening(StatePtr state, std::shared_ptr<Fill> fill)
        : state_(std::move(state)), fill_(std::move(fill)) {}
    ~Opening() {
      if (fill_) state_->leave(fill_, Fill::Status::broken);
    }
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
    void succeeded() { fill_.reset(); }

   private:
    StatePtr state_;
    std::shared_ptr<Fill> fill_;
  };

  static Result<Object> cut(FileRegion region, const ByteRange& range) {
    BUNKER_TRY_ASSIGN(const auto extent, storage::resolve_range(range, region.length));
    Object object;
    object.info.size = region.length;
    object.offset = extent.offset;
    region.offset = extent.offset;
    region.length = extent.length;
    object.body = Body(std::move(region));
    return object;
  }

  [[nodiscard]] Object body_of(const std::shared_ptr<Fill>& fill, const ObjectKey& key) const {
    Object object;
    object.info.size = fill->view().size;
    object.body = Body(follow(fill, inner_, key), object.info.size);
    return object;
  }

  Task<Result<Object>> fetch(Context& context, ObjectKey key, Digest digest) {
    std::shared_ptr<Fill> fill;
    bool first = false;
    {
      const std::lock_guard lock(state_->mutex);
      auto& known = state_->fills[digest];
      first = known == nullptr;
      if (first) known = std::make_shared<Fill>(digest);
      fill = known;
    }
    if (first) co_return co_await open(std::move(key), std::move(fill));
    Fill::View view = fill->view();
    while (view.status == Fill::Status::opening) {
      co_await view.change->get();
      view = fill->view();
    }
    if (view.file == nullptr) {
      misses_.add();
      co_return co_await inner_.get(context, std::move(key), {});
    }
    joins_.add();
    co_return body_of(fill, key);
  }

  Task<Result<Object>> open(ObjectKey key, std::shared_ptr<Fill> fill) {
    Opening opening(state_, fill);
    misses_.add();
    BUNKER_CO_TRY_ASSIGN(auto object, co_await inner_.get(fill->context, key, {}));
    const std::uint64_t size = object.info.size;
    if (size == 0) co_return object;
    auto make = [folder = state_->folder.get(), size] { return folder->begin(size); };
    auto draft = co_await state_->pool.run(std::move(make));
    if (!draft) co_return object;
    fill->begin(size, draft->file);
    opening.succeeded();
    start_detached(co_await this_executor(),
                   pump(state_, fill, *std::move(draft), make_source(std::move(object.body))));
    co_return body_of(fill, key);
  }

  // Writes what the store sends, tells those who follow, and keeps it when it is right.
  static Task<void> pump(StatePtr state, std::shared_ptr<Fill> fill, DiskFolder::Draft draft,
                         std::unique_ptr<ByteSource> source) {
    const Fill::Status status = co_await copy(*state, *fill, draft, *source);
    auto finish = [folder = state->folder.get(), &fill, &draft, status] {
      if (status == Fill::Status::whole) {
        folder->keep(fill->digest, draft);
      } else {
        folder->discard(draft);
      }
    };
    co_await state->pool.run(std::move(finish));
    state->leave(fill, status);
  }

  static Task<Fill::Status> copy(State& state, Fill& fill, const DiskFolder::Draft& draft,
                                 ByteSource& source) {
    registry::Hasher hasher(fill.digest.algorithm());
    std::uint64_t written = 0;
    while (true) {
      const auto bytes = co_await source.read();
      if (!bytes) co_return Fill::Status::broken;
      if (bytes->empty()) break;
      if (written + bytes->size() > draft.size) co_return Fill::Status::wrong;
      auto work = [&hasher, &draft, piece = *bytes, written] {
        hasher.update(piece);
        return write_all(draft.file->fd(), piece, written);
      };
      const bool good = co_await state.pool.run(std::move(work));
      if (!good) co_return Fill::Status::broken;
      written += bytes->size();
      fill.grow(written);
    }
    const bool right = written == draft.size && hasher.digest() == fill.digest;
    co_return right ? Fill::Status::whole : Fill::Status::wrong;
  }

  ObjectStore& inner_;
  const StatePtr state_;
  Counter& hits_;
  Counter& joins_;
  Counter& misses_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_disk_store(ObjectStore& inner, std::unique_ptr<DiskFolder> folder,
                                             BlockingPool& pool, Metrics& metrics) {
  return std::make_unique<DiskStore>(inner, std::move(folder), pool, metrics);
}

}  // namespace bunker::cache
