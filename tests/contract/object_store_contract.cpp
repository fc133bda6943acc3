#include "tests/contract/object_store_contract.h"

#include <mutex>

#include <asio/executor_work_guard.hpp>

#include "lib/base/error.h"

namespace bunker::storage {

namespace {

// Loops outlive the threads that use them: a BlockingPool may still be letting go of the loop that
// it has just woken up.
class Loops {
 public:
  asio::io_context* take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      all_.push_back(std::make_unique<asio::io_context>(1));
      work_.emplace_back(all_.back()->get_executor());
      return all_.back().get();
    }
    asio::io_context* loop = free_.back();
    free_.pop_back();
    return loop;
  }
  void give_back(asio::io_context* loop) {
    const std::lock_guard lock(mutex_);
    free_.push_back(loop);
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<asio::io_context>> all_;
  std::vector<asio::executor_work_guard<Executor>> work_;
  std::vector<asio::io_context*> free_;
};

Loops& loops() {
  static Loops all;
  return all;
}

}  // namespace

asio::io_context& this_threads_context() {
  struct Borrowed {
    asio::io_context* loop = loops().take();
    ~Borrowed() { loops().give_back(loop); }
  };
  thread_local const Borrowed borrowed;
  return *borrowed.loop;
}

std::string pattern(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  for (std::size_t at = 0; at < size; ++at) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    bytes[at] = static_cast<char>(state);
  }
  return bytes;
}

Result<std::string> drain(Body body) {
  const std::uint64_t length = body.length;
  const auto source = make_source(std::move(body));
  auto bytes = run_sync(read_all(*source, std::size_t{1} << 32));
  if (bytes && bytes->size() != length) {
    return fail(Code::data_loss, "the body is not as long as it says");
  }
  return bytes;
}

Result<ObjectInfo> SyncStore::head(const std::string& key) {
  return run_sync(store_.head(context_, key));
}

Result<Object> SyncStore::get_object(const std::string& key, ByteRange range) {
  return run_sync(store_.get(context_, key, range));
}

Result<std::string> SyncStore::get(const std::string& key, ByteRange range) {
  BUNKER_TRY_ASSIGN(Object object, get_object(key, range));
  return drain(std::move(object.body));
}

Result<std::string> SyncStore::read(const std::string& key, std::size_t limit) {
  return run_sync(store_.read(context_, key, limit));
}

Result<void> SyncStore::put(const std::string& key, std::string bytes) {
  return run_sync(store_.put(context_, key, std::move(bytes)));
}

Result<void> SyncStore::remove(std::vector<std::string> keys) {
  return run_sync(store_.remove(context_, std::move(keys)));
}

Result<ListPage> SyncStore::list(const std::string& prefix, ListOptions options) {
  return run_sync(store_.list(context_, prefix, std::move(options)));
}

std::vector<std::string> SyncStore::keys(const std::string& prefix, std::size_t page,
                                         bool delimited) {
  std::vector<std::string> keys;
  ListOptions options;
  options.limit = page;
  options.delimited = delimited;
  while (true) {
    const auto result = list(prefix, options);
    if (!result) {
      ADD_FAILURE() << "list(" << prefix << "): " << to_string(result.error());
      return keys;
    }
    for (const ListEntry& entry : result->entries) keys.push_back(entry.key);
    if (!result->truncated) return keys;
    if (result->entries.empty()) {
      ADD_FAILURE() << "a truncated page without entries cannot be continued";
      return keys;
    }
    options.start_after = keys.back();
  }
}

Result<std::unique_ptr<UploadWriter>> SyncStore::open(const std::string& scratch,
                                                      const std::string& token,
                                                      std::uint64_t offset) {
  return run_sync(store_.open_upload(context_, scratch, token, offset, std::nullopt));
}

Result<std::string> SyncStore::read_upload(const std::string& scratch, const std::string& token) {
  BUNKER_TRY_ASSIGN(Object object, run_sync(store_.read_upload(context_, scratch, token)));
  return drain(std::move(object.body));
}

Result<void> SyncStore::abort(const std::string& scratch, const std::string& token) {
  return run_sync(store_.abort_upload(context_, scratch, token));
}

Result<std::string> SyncStore::append(const std::string& scratch, const std::string& token,
                                      std::uint64_t offset, std::string_view bytes) {
  BUNKER_TRY_ASSIGN(const auto writer, open(scratch, token, offset));
  BUNKER_TRY(write(*writer, bytes));
  return suspend(*writer);
}

Result<void> SyncStore::finish(const std::string& scratch, const std::string& token,
                               std::uint64_t offset, std::string_view bytes,
                               const std::string& key) {
  BUNKER_TRY_ASSIGN(const auto writer, open(scratch, token, offset));
  BUNKER_TRY(write(*writer, bytes));
  return commit(*writer, key);
}

Result<void> write(UploadWriter& writer, std::string_view bytes) {
  return run_sync(writer.write(std::as_bytes(std::span(bytes))));
}

Result<std::string> suspend(UploadWriter& writer) {
  return run_sync(writer.suspend());
}

Result<void> commit(UploadWriter& writer, const std::string& key) {
  return run_sync(writer.commit(key));
}

void ObjectStoreContract::SetUp() {
  under_test_ = GetParam().make();
  store_.emplace(under_test_->store());
}

void ObjectStoreContract::TearDown() {
  BUNKER_EXPECT_OK(store_->remove(store_->keys()));
  EXPECT_EQ(store_->keys(), std::vector<std::string>());
  EXPECT_EQ(under_test_->leftovers(), std::vector<std::string>());
}

}  // namespace bunker::storage
