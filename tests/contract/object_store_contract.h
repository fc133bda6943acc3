// What every ObjectStore must do, as tests that run on each driver. A driver joins by a line in
// drivers.cpp. The cases live in contract/*_contract.cpp; this is what they share.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <gtest/gtest.h>

#include "lib/runtime/task.h"
#include "registryd/storage/object_store.h"

namespace bunker::storage {

// One empty store of a driver, and what belongs to it.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  [[nodiscard]] virtual ObjectStore& store() = 0;
  // What the driver holds beyond what list() shows: empty when it cleans up behind itself.
  [[nodiscard]] virtual std::vector<std::string> leftovers() = 0;
};

struct Driver {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
  // Whether "a" and "a/b" can be objects at the same time, as on S3.
  bool flat = true;
  // Whether a key may hold bytes that are not UTF-8, and control characters.
  bool any_bytes = true;
};

inline void PrintTo(const Driver& driver, std::ostream* out) {
  *out << driver.name;
}

// The io_context of the calling thread, which lasts as long as the thread: what one call leaves
// open (a connection, a body), the next one can go on with.
[[nodiscard]] asio::io_context& this_threads_context();

// Runs `task` to its end on this_threads_context().
template <class T>
T run_sync(Task<T> task) {
  std::optional<T> result;
  std::exception_ptr failure;
  bool done = false;
  auto store = [](Task<T> inner, std::optional<T>& out) -> Task<void> {
    out.emplace(co_await std::move(inner));
  };
  asio::io_context& context = this_threads_context();
  asio::co_spawn(context, store(std::move(task), result),
                 [&failure, &done](std::exception_ptr error) {
                   failure = std::move(error);
                   done = true;
                 });
  while (!done) context.run_one();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

// Bytes that differ from place to place, so that a shifted or swapped piece is noticed.
[[nodiscard]] std::string pattern(std::size_t size, unsigned seed = 1);

// The whole body in memory, however it is made.
[[nodiscard]] Result<std::string> drain(Body body);

// Calls a store and waits for the answer. May be used by several threads, each with its own.
class SyncStore {
 public:
  explicit SyncStore(ObjectStore& store) : store_(store) {}

  Result<ObjectInfo> head(const std::string& key);
  Result<Object> get_object(const std::string& key, ByteRange range = {});
  Result<std::string> get(const std::string& key, ByteRange range = {});
  Result<std::string> read(const std::string& key, std::size_t limit = 1 << 20);
  Result<void> put(const std::string& key, std::string bytes);
  Result<void> remove(std::vector<std::string> keys);
  Result<ListPage> list(const std::string& prefix, ListOptions options = {});
  // Every key under `prefix`, page by page.
  std::vector<std::string> keys(const std::string& prefix = "", std::size_t page = 1000,
                                bool delimited = false);
  Result<std::unique_ptr<UploadWriter>> open(const std::string& scratch, const std::string& token,
                                             std::uint64_t offset);
  Result<std::string> read_upload(const std::string& scratch, const std::string& token);
  Result<void> abort(const std::string& scratch, const std::string& token);
  // Opens, appends `bytes` and suspends.
  Result<std::string> append(const std::string& scratch, const std::string& token,
                             std::uint64_t offset, std::string_view bytes);
  // Opens, appends `bytes` and commits.
  Result<void> finish(const std::string& scratch, const std::string& token, std::uint64_t offset,
                      std::string_view bytes, const std::string& key);

 private:
  ObjectStore& store_;
  Context context_;
};

Result<void> write(UploadWriter& writer, std::string_view bytes);
Result<std::string> suspend(UploadWriter& writer);
Result<void> commit(UploadWriter& writer, const std::string& key);

template <class T>
[[nodiscard]] std::optional<Code> code_of(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.error().code;
}

// Fails the test when it leaves anything behind that removing all keys does not remove.
class ObjectStoreContract : public testing::TestWithParam<Driver> {
 protected:
  void SetUp() override;
  void TearDown() override;

  std::unique_ptr<StoreUnderTest> under_test_;
  std::optional<SyncStore> store_;
};

// One suite a theme; every driver runs them all.
class Objects : public ObjectStoreContract {};
class Lists : public ObjectStoreContract {};
class Uploads : public ObjectStoreContract {};
class Concurrency : public ObjectStoreContract {};
class Model : public ObjectStoreContract {};

}  // namespace bunker::storage

// The value of a Result that must not be an error.
#define BUNKER_ASSERT_OK(result) ASSERT_TRUE(result) << ::bunker::to_string((result).error())
#define BUNKER_EXPECT_OK(result)                                                            \
  do {                                                                                      \
    const auto& bunker_expect_result = (result);                                            \
    EXPECT_TRUE(bunker_expect_result) << ::bunker::to_string(bunker_expect_result.error()); \
  } while (false)
