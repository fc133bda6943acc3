#include "registryd/ops/instrumented_store.h"

#include <gmock/gmock.h>

#include "lib/runtime/io_threads.h"
#include "registryd/storage/memory/memory_store.h"
#include "tests/unit/registryd/ops/ops_support.h"

namespace bunker::ops {
namespace {

using storage::ByteRange;
using storage::ObjectStore;

class InstrumentedStoreTest : public ::testing::Test {
 protected:
  // Calls of `action` that were timed.
  [[nodiscard]] double calls(const std::string& action) const {
    return series(metrics_, "registry_storage_action_seconds_count{action=\"" + action +
                                "\",driver=\"inmemory\"}");
  }
  [[nodiscard]] double total(const std::string& name) const {
    return series(metrics_, name + "{driver=\"inmemory\"}");
  }

  Metrics metrics_;
  const std::unique_ptr<ObjectStore> memory_ = storage::make_memory_store();
  const std::unique_ptr<ObjectStore> store_ = instrument(*memory_, metrics_);
  Context context_;
};

TEST_F(InstrumentedStoreTest, PassesEveryCallOnAndTimesIt) {
  EXPECT_EQ(store_->driver(), "inmemory");
  ASSERT_TRUE(run_task(store_->put(context_, "a/b", "12345")));
  EXPECT_EQ(run_task(store_->head(context_, "a/b"))->size, 5u);
  EXPECT_EQ(*run_task(store_->read(context_, "a/b", 100)), "12345");
  ByteRange range;
  range.offset = 2;
  EXPECT_EQ(run_task(store_->get(context_, "a/b", range))->body.length, 3u);
  EXPECT_EQ(run_task(store_->list(context_, "a/", {}))->entries.size(), 1u);
  ASSERT_TRUE(run_task(store_->remove(context_, {"a/b"})));
  EXPECT_EQ(run_task(memory_->head(context_, "a/b")).error().code, Code::not_found);
  for (const char* action : {"PutContent", "Stat", "GetContent", "Reader", "List", "Delete"}) {
    EXPECT_EQ(calls(action), 1) << action;
  }
  EXPECT_EQ(total("bunker_storage_written_bytes_total"), 5);
  EXPECT_EQ(total("bunker_storage_read_bytes_total"), 8);
}

TEST_F(InstrumentedStoreTest, UploadsAreCountedWhileTheyAreOpen) {
  {
    auto writer = run_task(store_->open_upload(context_, "u/data", "", 0, std::nullopt));
    ASSERT_TRUE(writer);
    EXPECT_EQ(series(metrics_, "bunker_uploads_in_progress"), 1);
    const std::string bytes = "0123456789";
    ASSERT_TRUE(run_task((*writer)->write(std::as_bytes(std::span(bytes)))));
    ASSERT_TRUE(run_task((*writer)->commit("blob")));
  }
  EXPECT_EQ(series(metrics_, "bunker_uploads_in_progress"), 0);
  EXPECT_EQ(*run_task(store_->read(context_, "blob", 100)), "0123456789");
  EXPECT_EQ(calls("Writer"), 1);
  EXPECT_EQ(calls("Move"), 1);
  EXPECT_EQ(total("bunker_storage_written_bytes_total"), 10);
}

TEST_F(InstrumentedStoreTest, SuspendedUploadsGoOnAndCanBeReadAndAborted) {
  std::string token;
  {
    auto writer = run_task(store_->open_upload(context_, "u/data", "", 0, std::nullopt));
    const std::string bytes = "01234";
    ASSERT_TRUE(run_task((*writer)->write(std::as_bytes(std::span(bytes)))));
    token = run_task((*writer)->suspend()).value();
  }
  EXPECT_EQ(run_task(store_->read_upload(context_, "u/data", token))->body.length, 5u);
  ASSERT_TRUE(run_task(store_->abort_upload(context_, "u/data", token)));
  const auto reopened = run_task(store_->open_upload(context_, "u/data", token, 5, std::nullopt));
  EXPECT_EQ(reopened.error().code, Code::not_found);
  EXPECT_EQ(series(metrics_, "bunker_uploads_in_progress"), 0);
}

TEST_F(InstrumentedStoreTest, FailuresAreCountedAndAbsentObjectsAreNone) {
  EXPECT_EQ(run_task(store_->read(context_, "absent", 1)).error().code, Code::not_found);
  ASSERT_TRUE(run_task(store_->put(context_, "big", "12345")));
  EXPECT_EQ(run_task(store_->read(context_, "big", 1)).error().code, Code::too_large);
  const std::string text = metrics_.expose("").body;
  EXPECT_THAT(text, ::testing::HasSubstr("bunker_storage_errors_total{action=\"GetContent\","
                                         "code=\"too_large\",driver=\"inmemory\"} 1\n"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("code=\"not_found\"")));
  EXPECT_EQ(calls("GetContent"), 2);
}

TEST_F(InstrumentedStoreTest, AStoreThatCannotRedirectSaysSo) {
  EXPECT_EQ(store_->presign_get("a", 60), std::nullopt);
  EXPECT_EQ(calls("RedirectURL"), 0);
}

}  // namespace
}  // namespace bunker::ops
