#include "registryd/storage/memory/memory_store.h"

#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "registryd/storage/object_key.h"

namespace bunker::storage {
namespace {

// An object, or the bytes of an unfinished upload (then `growing` is set).
struct Item {
  SharedBytes bytes;
  std::shared_ptr<std::string> growing;
  bool has_writer = false;
  SystemTime modified;

  [[nodiscard]] std::uint64_t size() const { return growing ? growing->size() : bytes->size(); }
};

// What the store and its writers share. `mutex` guards all of it, growing uploads included.
struct Shelf {
  std::shared_mutex mutex;
  std::map<std::string, Item, std::less<>> items;
  const SystemClock system_clock;
  const Clock* clock = &system_clock;
};

Error no_object(const ObjectKey& key) {
  return {Code::not_found, "there is no object " + key};
}

Error no_upload() {
  return {Code::not_found, "the upload is not known here"};
}

// Where an unfinished upload lies while nobody writes to it: a key that listings show, so that
// whoever removes what lies beside `scratch` removes it too.
std::string upload_key(const ObjectKey& scratch, const UploadToken& token) {
  return scratch + '.' + token.text;
}

class MemoryUpload final : public UploadWriter {
 public:
  MemoryUpload(std::shared_ptr<Shelf> shelf, ObjectKey scratch, std::string key,
               std::shared_ptr<std::string> bytes, bool is_new)
      : shelf_(std::move(shelf)),
        scratch_(std::move(scratch)),
        key_(std::move(key)),
        bytes_(std::move(bytes)),
        start_(bytes_->size()),
        is_new_(is_new) {}

  ~MemoryUpload() override {
    const std::unique_lock lock(shelf_->mutex);
    const auto mine = find();
    if (mine == shelf_->items.end()) return;
    if (is_new_) {
      shelf_->items.erase(mine);
      return;
    }
    bytes_->resize(start_);
    mine->second.has_writer = false;
  }

  MemoryUpload(const MemoryUpload&) = delete;
  MemoryUpload& operator=(const MemoryUpload&) = delete;

  Task<Result<void>> write(std::span<const std::byte> bytes) override {
    const std::unique_lock lock(shelf_->mutex);
    bytes_->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    co_return Result<void>();
  }

  Task<Result<std::string>> suspend() override {
    const std::unique_lock lock(shelf_->mutex);
    const auto mine = find();
    if (mine == shelf_->items.end()) co_return fail(no_upload());
    const UploadToken token = make_upload_token(bytes_->size());
    auto node = shelf_->items.extract(mine);
    node.key() = upload_key(scratch_, token);
    node.mapped().has_writer = false;
    node.mapped().modified = shelf_->clock->now();
    shelf_->items.insert(std::move(node));
    bytes_.reset();
    co_return token.text;
  }

  Task<Result<void>> commit(ObjectKey key) override {
    BUNKER_CO_TRY(check_key(key));
    const std::unique_lock lock(shelf_->mutex);
    const auto mine = find();
    if (mine == shelf_->items.end()) co_return fail(no_upload());
    shelf_->items.erase(mine);
    Item item;
    item.bytes = std::make_shared<const std::string>(std::move(*bytes_));
    item.modified = shelf_->clock->now();
    shelf_->items.insert_or_assign(std::move(key), std::move(item));
    bytes_.reset();
    co_return Result<void>();
  }

 private:
  // The upload's item, or end() when it was suspended, committed or removed. Under the lock.
  std::map<std::string, Item, std::less<>>::iterator find() {
    const auto found = shelf_->items.find(key_);
    if (found == shelf_->items.end() || !bytes_ || found->second.growing != bytes_) {
      return shelf_->items.end();
    }
    return found;
  }

  std::shared_ptr<Shelf> shelf_;
  ObjectKey scratch_;
  std::string key_;
  std::shared_ptr<std::string> bytes_;
  std::uint64_t start_;
  bool is_new_;
};

class MemoryStore final : public ObjectStore {
 public:
  explicit MemoryStore(const Clock* clock) {
    if (clock != nullptr) shelf_->clock = clock;
  }

  [[nodiscard]] std::string_view driver() const noexcept override { return "inmemory"; }

  Task<Result<ObjectInfo>> head(Context& context, ObjectKey key) override {
    BUNKER_CO_TRY(check_call(context, key));
    const std::shared_lock lock(shelf_->mutex);
    const auto found = shelf_->items.find(key);
    if (found == shelf_->items.end()) co_return fail(no_object(key));
    co_return ObjectInfo{found->second.size(), found->second.modified};
  }

  Task<Result<Object>> get(Context& context, ObjectKey key, ByteRange range) override {
    BUNKER_CO_TRY(check_call(context, key));
    const std::shared_lock lock(shelf_->mutex);
    const auto found = shelf_->items.find(key);
    if (found == shelf_->items.end()) co_return fail(no_object(key));
    const Item& item = found->second;
    BUNKER_CO_TRY_ASSIGN(const Extent extent, resolve_range(range, item.size()));
    Object object;
    object.info = {item.size(), item.modified};
    object.offset = extent.offset;
    if (!item.growing && extent.length == item.size()) {
      object.body = Body(item.bytes);
    } else {
      const std::string& bytes = item.growing ? *item.growing : *item.bytes;
      object.body = Body(bytes.substr(extent.offset, extent.length));
    }
    co_return object;
  }

  Task<Result<std::string>> read(Context& context, ObjectKey key, std::size_t limit) override {
    BUNKER_CO_TRY(check_call(context, key));
    const std::shared_lock lock(shelf_->mutex);
    const auto found = shelf_->items.find(key);
    if (found == shelf_->items.end()) co_return fail(no_object(key));
    const Item& item = found->second;
    if (item.size() > limit) {
      co_return fail(Code::too_large, key + " is over " + std::to_string(limit) + " bytes");
    }
    if (item.growing) co_return *item.growing;
    co_return *item.bytes;
  }

  Task<Result<void>> put(Context& context, ObjectKey key, std::string bytes) override {
    BUNKER_CO_TRY(check_call(context, key));
    Item item;
    item.bytes = std::make_shared<const std::string>(std::move(bytes));
    item.modified = shelf_->clock->now();
    const std::unique_lock lock(shelf_->mutex);
    shelf_->items.insert_or_assign(std::move(key), std::move(item));
    co_return Result<void>();
  }

  Task<Result<ListPage>> list(Context& context, std::string prefix, ListOptions options) override;

  Task<Result<void>> remove(Context& context, std::vector<ObjectKey> keys) override {
    BUNKER_CO_TRY(check_deadline(context));
    for (const ObjectKey& key : keys) BUNKER_CO_TRY(check_key(key));
    const std::unique_lock lock(shelf_->mutex);
    for (const ObjectKey& key : keys) shelf_->items.erase(key);
    co_return Result<void>();
  }

  Task<Result<std::unique_ptr<UploadWriter>>> open_upload(
      Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) override;

  Task<Result<Object>> read_upload(Context& context, ObjectKey scratch,
                                   std::string token) override {
    BUNKER_CO_TRY(check_call(context, scratch));
    const auto parsed = parse_upload_token(token);
    if (!parsed) co_return fail(no_upload());
    const std::shared_lock lock(shelf_->mutex);
    const auto found = shelf_->items.find(upload_key(scratch, *parsed));
    if (found == shelf_->items.end()) co_return fail(no_upload());
    Object object;
    object.info = {parsed->offset, found->second.modified};
    object.body = Body(found->second.growing->substr(0, parsed->offset));
    co_return object;
  }

  Task<Result<void>> abort_upload(Context& context, ObjectKey scratch, std::string token) override {
    BUNKER_CO_TRY(check_call(context, scratch));
    const auto parsed = parse_upload_token(token);
    if (!parsed) co_return Result<void>();
    const std::unique_lock lock(shelf_->mutex);
    shelf_->items.erase(upload_key(scratch, *parsed));
    co_return Result<void>();
  }

 private:
  static Result<void> check_call(const Context& context, const ObjectKey& key) {
    BUNKER_TRY(check_deadline(context));
    return check_key(key);
  }

  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
};

Task<Result<ListPage>> MemoryStore::list(Context& context, std::string prefix,
                                         ListOptions options) {
  BUNKER_CO_TRY(check_deadline(context));
  ListPage page;
  if (options.limit == 0) co_return page;
  const std::shared_lock lock(shelf_->mutex);
  const auto& items = shelf_->items;
  auto at = options.start_after < prefix ? items.lower_bound(prefix)
                                         : items.upper_bound(options.start_after);
  while (at != items.end() && at->first.starts_with(prefix)) {
    ListEntry entry{at->first, {at->second.size(), at->second.modified}};
    const std::size_t slash =
        options.delimited ? at->first.find('/', prefix.size()) : std::string::npos;
    if (slash == std::string::npos) {
      ++at;
    } else {
      entry = {at->first.substr(0, slash + 1), {}};
      // The first key behind every one that this entry stands for.
      std::string behind = entry.key;
      behind.back() = '/' + 1;
      at = items.lower_bound(behind);
      if (entry.key <= options.start_after) continue;
    }
    if (page.entries.size() == options.limit) {
      page.truncated = true;
      break;
    }
    page.entries.push_back(std::move(entry));
  }
  co_return page;
}

Task<Result<std::unique_ptr<UploadWriter>>> MemoryStore::open_upload(
    Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
    std::optional<std::uint64_t> expected_size) {
  (void)expected_size;
  BUNKER_CO_TRY(check_call(context, scratch));
  const bool is_new = token.empty();
  UploadToken current;
  if (is_new) {
    if (offset != 0) co_return fail(Code::out_of_range, "a new upload starts at 0");
    current = make_upload_token(0);
  } else {
    BUNKER_CO_TRY_ASSIGN(current, check_upload_token(token, offset));
  }
  const std::string key = upload_key(scratch, current);
  const std::unique_lock lock(shelf_->mutex);
  if (is_new) {
    Item item;
    item.growing = std::make_shared<std::string>();
    item.modified = shelf_->clock->now();
    shelf_->items.emplace(key, std::move(item));
  }
  const auto found = shelf_->items.find(key);
  if (found == shelf_->items.end() || !found->second.growing) co_return fail(no_upload());
  if (found->second.has_writer) {
    co_return fail(Code::conflict, "another request is writing to this upload",
                   "send the parts of an upload one after another");
  }
  found->second.has_writer = true;
  co_return std::make_unique<MemoryUpload>(shelf_, std::move(scratch), key, found->second.growing,
                                           is_new);
}

}  // namespace

std::unique_ptr<ObjectStore> make_memory_store(const Clock* clock) {
  return std::make_unique<MemoryStore>(clock);
}

}  // namespace bunker::storage
