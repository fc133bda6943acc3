// A real S3 server behind a proxy that breaks connections, loses answers and refuses service: every
// call succeeds or fails cleanly, and what was acknowledged is there.
#include <algorithm>
#include <map>

#include "lib/runtime/io_threads.h"
#include "tests/contract/object_store_contract.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/s3_gateway.h"
#include "tests/support/s3_store.h"

namespace bunker::storage {
namespace {

using test::FaultProxy;
using test::S3Gateway;
using test::S3StoreStack;

constexpr std::uint64_t kMiB = 1 << 20;

class S3Faults : public testing::TestWithParam<FaultProxy::Faults> {
 protected:
  S3Faults() {
    s3::StoreOptions options;
    options.settings = gateway_.settings(bucket_);
    options.settings.endpoint = "http://127.0.0.1:" + std::to_string(proxy_.port());
    options.settings.chunk_bytes = 5 * kMiB;
    options.retries.base = std::chrono::milliseconds(1);
    options.retries.cap = std::chrono::milliseconds(20);
    options.observer = [this](const s3::CallRecord& call) { retried_ += call.attempt > 1; };
    stack_ = std::make_unique<S3StoreStack>(std::move(options), S3Gateway::keys());
    sync_.emplace(stack_->store());
  }

  // Ends the trouble; the connections that are open end, too.
  void heal() { proxy_.set({}); }

  S3Gateway gateway_;
  const std::string bucket_ = gateway_.make_bucket();
  FaultProxy proxy_{gateway_.port(), 42};
  int retried_ = 0;  // attempts that were not the first
  std::unique_ptr<S3StoreStack> stack_;
  std::optional<SyncStore> sync_;
};

bool is_clean(Code code) {
  return code == Code::retry_later || code == Code::data_loss || code == Code::not_found ||
         code == Code::conflict;
}

TEST_P(S3Faults, ObjectsAreOldOrNewAndNeverAnythingElse) {
  proxy_.set(GetParam());
  std::map<std::string, std::vector<std::string>> possible;  // what an object may be
  int failed = 0;
  for (unsigned i = 0; i < 120; ++i) {
    if (i % 4 == 0) proxy_.set(GetParam());  // new connections, so new trouble
    const std::string key = "k/" + std::to_string(i % 10);
    const std::string value = pattern(1 + i * 517 % 60'000, i);
    const auto put = sync_->put(key, value);
    if (put) possible[key].clear();
    if (!put) {
      ++failed;
      EXPECT_TRUE(is_clean(put.error().code)) << to_string(put.error());
    }
    possible[key].push_back(value);
    const auto read = sync_->read(key);
    if (read) {
      EXPECT_TRUE(std::ranges::find(possible[key], *read) != possible[key].end());
    } else {
      EXPECT_TRUE(is_clean(read.error().code)) << to_string(read.error());
    }
  }
  // Most of the trouble is over before the caller hears of it.
  EXPECT_LT(failed, 30);
  EXPECT_GT(proxy_.spoiled(), 0);
  if (GetParam().internal_errors > 0) EXPECT_GT(retried_, 0);
  heal();
  for (const auto& [key, values] : possible) {
    const auto read = sync_->read(key);
    if (!read) {
      EXPECT_EQ(code_of(read), Code::not_found);
      continue;
    }
    EXPECT_TRUE(std::ranges::find(values, *read) != values.end()) << key;
  }
}

TEST_P(S3Faults, UploadsThatAreAcknowledgedAreWhole) {
  FaultProxy::Faults faults = GetParam();
  faults.most_bytes = 6 * kMiB;
  proxy_.set(faults);
  std::map<std::string, std::string> acknowledged;
  for (unsigned i = 0; i < 12; ++i) {
    const std::string bytes = pattern((i % 4) * 4 * kMiB + 1000 + i, i);
    const std::string scratch = "u/" + std::to_string(i) + "/data";
    const std::string key = "b/" + std::to_string(i);
    std::string token;
    std::uint64_t offset = 0;
    if (i % 3 != 0) {
      const auto half = sync_->append(scratch, "", 0, std::string_view(bytes).substr(0, 700'000));
      if (half) {
        token = *half;
        offset = std::min<std::uint64_t>(700'000, bytes.size());
      }
    }
    const auto done =
        sync_->finish(scratch, token, offset, std::string_view(bytes).substr(offset), key);
    if (done) {
      acknowledged[key] = bytes;
    } else {
      EXPECT_TRUE(is_clean(done.error().code)) << to_string(done.error());
    }
  }
  EXPECT_GT(acknowledged.size(), 6U);
  heal();
  for (const auto& [key, bytes] : acknowledged) {
    EXPECT_TRUE(sync_->get(key).value_or("") == bytes) << key;
  }
  for (const std::string& key : sync_->keys("b/")) EXPECT_TRUE(acknowledged.contains(key)) << key;
}

TEST_P(S3Faults, ABodyThatIsCutIsGoneOnWith) {
  const std::string bytes = pattern(3'000'000);
  BUNKER_ASSERT_OK(sync_->put("k", bytes));
  FaultProxy::Faults faults = GetParam();
  faults.most_bytes = 2'000'000;
  proxy_.set(faults);
  int whole = 0;
  for (int i = 0; i < 20; ++i) {
    proxy_.set(faults);  // a new connection, so new trouble
    const auto got = sync_->get("k");
    if (got) {
      ++whole;
      EXPECT_TRUE(*got == bytes);
    } else {
      EXPECT_TRUE(is_clean(got.error().code)) << to_string(got.error());
    }
  }
  EXPECT_GE(whole, 16);
}

TEST_P(S3Faults, ListingsAndDeletionsAreRight) {
  std::vector<std::string> keys;
  for (int i = 100; i < 160; ++i) keys.push_back("k/" + std::to_string(i));
  for (const std::string& key : keys) BUNKER_ASSERT_OK(sync_->put(key, "x"));
  proxy_.set(GetParam());
  for (int i = 0; i < 20; ++i) {
    proxy_.set(GetParam());
    ListOptions options;
    options.limit = 7;
    std::vector<std::string> found;
    bool broken = false;
    while (true) {
      const auto page = sync_->list("k/", options);
      broken = !page;
      if (!page) break;
      for (const auto& entry : page->entries) found.push_back(entry.key);
      if (!page->truncated) break;
      options.start_after = found.back();
    }
    if (!broken) EXPECT_EQ(found, keys);
  }
  std::vector<std::string> some(keys.begin(), keys.begin() + 30);
  const auto removed = sync_->remove(some);
  heal();
  if (removed) EXPECT_EQ(sync_->keys("k/"), std::vector(keys.begin() + 30, keys.end()));
}

TEST_P(S3Faults, NoConnectionIsLeft) {
  proxy_.set(GetParam());
  for (int i = 0; i < 40; ++i) {
    (void)sync_->put("k", pattern(20'000));
    (void)sync_->get("k");
    // A body that nobody reads.
    (void)sync_->get_object("k");
  }
  // One kept connection, and perhaps one that is just ending.
  EXPECT_LE(proxy_.open_connections(), 2);
}

std::string name_of(const testing::TestParamInfo<FaultProxy::Faults>& info) {
  constexpr std::array kNames = {"CutRequests", "CutAnswers", "SlowDown", "InternalError", "All"};
  return kNames[info.index];
}

const std::vector<FaultProxy::Faults> kFaults = {
    {.cut_requests = 25},
    {.cut_answers = 25},
    {.slow_downs = 25},
    {.internal_errors = 25},
    {.cut_requests = 10, .cut_answers = 10, .slow_downs = 10, .internal_errors = 10}};

INSTANTIATE_TEST_SUITE_P(Kinds, S3Faults, testing::ValuesIn(kFaults), name_of);

// Not a matter of chance: the store does not answer at all.
TEST(S3Outage, CallsGiveUpAtTheirDeadline) {
  S3Gateway gateway;
  s3::StoreOptions options;
  options.settings = gateway.settings(gateway.make_bucket());
  FaultProxy proxy(gateway.port(), 1);
  options.settings.endpoint = "http://127.0.0.1:" + std::to_string(proxy.port());
  S3StoreStack stack(std::move(options), S3Gateway::keys());
  proxy.set({.internal_errors = 100});
  Context context;
  context.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  const auto head = run_sync(stack.store().head(context, "k"));
  EXPECT_EQ(code_of(head), Code::retry_later);
  EXPECT_LT(std::chrono::steady_clock::now(), context.deadline + std::chrono::seconds(5));
}

TEST(S3Outage, WrongKeysAreForbiddenAndTheErrorHelps) {
  S3Gateway gateway;
  s3::StoreOptions options;
  options.settings = gateway.settings(gateway.make_bucket());
  s3::SourceOptions keys = S3Gateway::keys();
  keys.secret_key = "wrong";
  S3StoreStack stack(std::move(options), keys);
  SyncStore store(stack.store());
  const auto read = store.read("k");
  ASSERT_EQ(code_of(read), Code::forbidden);
  EXPECT_NE(read.error().detail.find("storage.s3.secretkey"), std::string::npos);
  EXPECT_EQ(to_string(read.error()).find("wrong"), std::string::npos);
}

TEST(S3Outage, AMissingBucketIsNotAMissingObject) {
  S3Gateway gateway;
  s3::StoreOptions options;
  options.settings = gateway.settings("absent-bucket");
  S3StoreStack stack(std::move(options), S3Gateway::keys());
  SyncStore store(stack.store());
  const auto read = store.read("k");
  ASSERT_EQ(code_of(read), Code::forbidden);
  EXPECT_NE(read.error().detail.find("storage.s3.bucket"), std::string::npos);
}

}  // namespace
}  // namespace bunker::storage
