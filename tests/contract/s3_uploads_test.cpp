// Uploads to a real S3 server that are bigger than a part: what they cost in calls, and that
// neither replicas nor replayed tokens spoil them.
#include <numeric>

#include "lib/runtime/io_threads.h"
#include "tests/contract/object_store_contract.h"
#include "tests/support/s3_gateway.h"
#include "tests/support/s3_store.h"

namespace bunker::storage {
namespace {

using test::S3Gateway;
using test::S3StoreStack;
using Calls = std::map<std::string, int>;

constexpr std::uint64_t kMiB = 1 << 20;
const std::string kScratch = "r/_uploads/11111111-2222-4333-8444-555555555555/data";
const std::string kBlob = "blobs/sha256/ab/abcd/data";

class S3Uploads : public testing::Test {
 protected:
  // A replica: another process's store on the same bucket.
  std::unique_ptr<S3StoreStack> replica(std::uint64_t chunk = 5 * kMiB,
                                        std::uint64_t part_memory = 64 * kMiB) {
    s3::StoreOptions options;
    options.settings = gateway_.settings(bucket_);
    options.settings.chunk_bytes = chunk;
    options.settings.sign_payloads = true;  // as over plain HTTP from another machine
    options.part_memory_bytes = part_memory;
    return std::make_unique<S3StoreStack>(std::move(options), S3Gateway::keys());
  }

  Result<std::unique_ptr<UploadWriter>> open(ObjectStore& store, const std::string& token,
                                             std::uint64_t offset,
                                             std::optional<std::uint64_t> expected = {}) {
    return run_sync(store.open_upload(context_, kScratch, token, offset, expected));
  }

  static Result<std::string> suspend_as(UploadWriter& writer, const std::string& key) {
    return run_sync(writer.suspend_as(key));
  }

  int total() const {
    const Calls calls = gateway_.calls();
    return std::accumulate(calls.begin(), calls.end(), 0,
                           [](int sum, const auto& call) { return sum + call.second; });
  }

  // Lets what goes on in the background come to its end.
  void expect_nothing_left(SyncStore& store, const std::vector<std::string>& keys) {
    for (int i = 0; i < 400 && !gateway_.open_uploads(bucket_).empty(); ++i) {
      run_sync([]() -> Task<bool> {
        co_await sleep_for(std::chrono::milliseconds(5));
        co_return true;
      }());
    }
    EXPECT_EQ(gateway_.open_uploads(bucket_), std::vector<std::string>());
    EXPECT_EQ(store.keys(), keys);
  }

  S3Gateway gateway_;
  const std::string bucket_ = gateway_.make_bucket();
  std::unique_ptr<S3StoreStack> stack_ = replica();
  ObjectStore& store_ = stack_->store();
  SyncStore sync_{store_};
  Context context_;
};

TEST_F(S3Uploads, ASmallBlobInOneRequestIsOneCall) {
  const auto writer = open(store_, "", 0, 1000);
  (*writer)->expect_key(kBlob);
  BUNKER_ASSERT_OK(write(**writer, pattern(1000)));
  BUNKER_ASSERT_OK(commit(**writer, kBlob));
  EXPECT_EQ(gateway_.calls(), (Calls{{"PutObject", 1}}));
  EXPECT_EQ(sync_.get(kBlob).value(), pattern(1000));
}

TEST_F(S3Uploads, ASmallBlobInTwoRequestsIsOneCallToo) {
  auto writer = open(store_, "", 0);
  BUNKER_ASSERT_OK(write(**writer, pattern(1000)));
  const std::string token = suspend_as(**writer, kBlob).value();
  const auto other = replica();
  const auto last = open(other->store(), token, 1000, 1000);
  BUNKER_ASSERT_OK(last);
  (*last)->expect_key(kBlob);
  BUNKER_ASSERT_OK(commit(**last, kBlob));
  EXPECT_EQ(gateway_.calls(), (Calls{{"PutObject", 1}}));
  EXPECT_EQ(sync_.get(kBlob).value(), pattern(1000));
}

TEST_F(S3Uploads, ABigBlobWhoseNameIsKnownIsNeverCopied) {
  const std::string bytes = pattern(26 * kMiB + 7);
  const auto writer = open(store_, "", 0, bytes.size());
  (*writer)->expect_key(kBlob);
  BUNKER_ASSERT_OK(write(**writer, bytes));
  EXPECT_EQ(code_of(sync_.head(kBlob)), Code::not_found);
  BUNKER_ASSERT_OK(commit(**writer, kBlob));
  EXPECT_EQ(gateway_.calls(), (Calls{{"CreateMultipartUpload", 1},
                                     {"UploadPart", 6},
                                     {"CompleteMultipartUpload", 1},
                                     {"HeadObject", 1}}));
  EXPECT_TRUE(sync_.get(kBlob).value() == bytes);
  expect_nothing_left(sync_, {kBlob});
}

TEST_F(S3Uploads, ABigBlobInOneStreamCostsFourCallsBesideItsParts) {
  const std::string bytes = pattern(26 * kMiB + 7);
  auto writer = open(store_, "", 0);
  for (std::size_t at = 0; at < bytes.size(); at += 100'000) {
    BUNKER_ASSERT_OK(write(**writer, std::string_view(bytes).substr(at, 100'000)));
  }
  const std::string token = suspend_as(**writer, kBlob).value();
  const auto other = replica();
  const auto last = open(other->store(), token, bytes.size(), bytes.size());
  BUNKER_ASSERT_OK(last);
  BUNKER_ASSERT_OK(commit(**last, kBlob));
  EXPECT_EQ(gateway_.calls(), (Calls{{"CreateMultipartUpload", 1},
                                     {"UploadPart", 6},
                                     {"CompleteMultipartUpload", 1},
                                     {"CopyObject", 1},
                                     {"DeleteObject", 1}}));
  EXPECT_TRUE(sync_.get(kBlob).value() == bytes);
  expect_nothing_left(sync_, {kBlob});
}

TEST_F(S3Uploads, ABlobOfWholePartsHasNoEmptyPart) {
  const std::string bytes = pattern(10 * kMiB);
  const auto writer = open(store_, "", 0);
  (*writer)->expect_key(kBlob);
  BUNKER_ASSERT_OK(write(**writer, bytes));
  BUNKER_ASSERT_OK(commit(**writer, kBlob));
  EXPECT_EQ(gateway_.calls()["UploadPart"], 2);
  EXPECT_TRUE(sync_.get(kBlob).value() == bytes);
}

TEST_F(S3Uploads, ABlobOfOnePartIsNotMultipart) {
  const std::string bytes = pattern(5 * kMiB);
  BUNKER_ASSERT_OK(sync_.finish(kScratch, "", 0, bytes, kBlob));
  EXPECT_EQ(gateway_.calls(), (Calls{{"PutObject", 1}}));
  EXPECT_TRUE(sync_.get(kBlob).value() == bytes);
}

TEST_F(S3Uploads, ChunksOfAnySizeMayReachAnyReplica) {
  const std::string bytes = pattern(31 * kMiB + 11);
  std::string token;
  std::uint64_t offset = 0;
  for (const std::uint64_t size : {3 * kMiB, 9 * kMiB + 5, std::uint64_t{1}, 12 * kMiB}) {
    const auto other = replica();
    SyncStore sync(other->store());
    gateway_.forget_calls();
    const auto next =
        sync.append(kScratch, token, offset, std::string_view(bytes).substr(offset, size));
    BUNKER_ASSERT_OK(next);
    EXPECT_LT(next->size(), 1000U);
    // One object read, one written, one deleted, whatever the upload's size.
    const Calls calls = gateway_.calls();
    EXPECT_EQ(calls.contains("GetObject") ? calls.at("GetObject") : 0, token.empty() ? 0 : 1);
    EXPECT_EQ(calls.at("PutObject"), 1);
    EXPECT_EQ(calls.contains("ListMultipartUploads") || calls.contains("ListParts"), false);
    token = *next;
    offset += size;
    EXPECT_EQ(sync_.keys().size(), 1U);
  }
  BUNKER_ASSERT_OK(
      sync_.finish(kScratch, token, offset, std::string_view(bytes).substr(offset), kBlob));
  EXPECT_TRUE(sync_.get(kBlob).value() == bytes);
  expect_nothing_left(sync_, {kBlob});
}

TEST_F(S3Uploads, WhatIsSuspendedCanBeReadAndGoneOnWith) {
  const std::string bytes = pattern(24 * kMiB);
  const std::string token =
      sync_.append(kScratch, "", 0, std::string_view(bytes).substr(0, 12 * kMiB)).value();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(sync_.read_upload(kScratch, token).value() == bytes.substr(0, 12 * kMiB));
  }
  const std::string next =
      sync_.append(kScratch, token, 12 * kMiB, std::string_view(bytes).substr(12 * kMiB, 3 * kMiB))
          .value();
  EXPECT_EQ(code_of(sync_.read_upload(kScratch, token)), Code::not_found);
  EXPECT_TRUE(sync_.read_upload(kScratch, next).value() == bytes.substr(0, 15 * kMiB));
  BUNKER_ASSERT_OK(
      sync_.finish(kScratch, next, 15 * kMiB, std::string_view(bytes).substr(15 * kMiB), kBlob));
  EXPECT_TRUE(sync_.get(kBlob).value() == bytes);
  expect_nothing_left(sync_, {kBlob});
}

TEST_F(S3Uploads, WhatWasPlacedEarlyCanStillGrow) {
  const std::string bytes = pattern(17 * kMiB);
  for (const std::uint64_t size : {1 * kMiB, 12 * kMiB}) {
    auto writer = open(store_, "", 0);
    BUNKER_ASSERT_OK(write(**writer, std::string_view(bytes).substr(0, size)));
    const std::string token = suspend_as(**writer, "blobs/early").value();
    EXPECT_TRUE(sync_.read_upload(kScratch, token).value() == bytes.substr(0, size));
    BUNKER_ASSERT_OK(
        sync_.finish(kScratch, token, size, std::string_view(bytes).substr(size), kBlob));
    EXPECT_TRUE(sync_.get(kBlob).value() == bytes);
    EXPECT_TRUE(sync_.get("blobs/early").value() == bytes.substr(0, size));
    BUNKER_ASSERT_OK(sync_.remove({kBlob}));
  }
  expect_nothing_left(sync_, {"blobs/early"});
}

TEST_F(S3Uploads, WhatWasPlacedEarlyCanBeCommittedElsewhere) {
  auto writer = open(store_, "", 0);
  BUNKER_ASSERT_OK(write(**writer, pattern(1000)));
  const std::string token = suspend_as(**writer, "blobs/early").value();
  BUNKER_ASSERT_OK(sync_.finish(kScratch, token, 1000, "", kBlob));
  EXPECT_EQ(sync_.get(kBlob).value(), pattern(1000));
  BUNKER_ASSERT_OK(sync_.abort(kScratch, token));
  EXPECT_EQ(sync_.get("blobs/early").value(), pattern(1000));
}

TEST_F(S3Uploads, AbortLeavesNoParts) {
  const std::string token = sync_.append(kScratch, "", 0, pattern(12 * kMiB)).value();
  EXPECT_EQ(gateway_.open_uploads(bucket_).size(), 1U);
  BUNKER_ASSERT_OK(sync_.abort(kScratch, token));
  expect_nothing_left(sync_, {});
}

TEST_F(S3Uploads, AWriterThatBreaksLeavesNoPartsOfItsOwn) {
  auto writer = open(store_, "", 0);
  BUNKER_ASSERT_OK(write(**writer, pattern(17 * kMiB)));
  writer->reset();
  expect_nothing_left(sync_, {});
}

TEST_F(S3Uploads, WhatABrokenRequestSentCanBeSentAgain) {
  const std::string bytes = pattern(30 * kMiB);
  const std::string token =
      sync_.append(kScratch, "", 0, std::string_view(bytes).substr(0, 12 * kMiB)).value();
  auto broken = open(store_, token, 12 * kMiB);
  BUNKER_ASSERT_OK(write(**broken, std::string_view(bytes).substr(12 * kMiB, 17 * kMiB)));
  broken->reset();
  // Its last parts are still on their way.
  BUNKER_ASSERT_OK(
      sync_.finish(kScratch, token, 12 * kMiB, std::string_view(bytes).substr(12 * kMiB), kBlob));
  EXPECT_TRUE(sync_.get(kBlob).value() == bytes);
  expect_nothing_left(sync_, {kBlob});
}

// Two replicas cannot see that both go on with one token. Whatever each of them is told by the
// store, an upload never becomes an object with the other's bytes.
TEST_F(S3Uploads, AReplayOnAnotherReplicaCannotPoisonAnUpload) {
  const std::string start = pattern(7 * kMiB, 1);
  const std::string token = sync_.append(kScratch, "", 0, start).value();
  const auto other = replica();
  auto good = open(store_, token, start.size());
  auto evil = open(other->store(), token, start.size());
  BUNKER_ASSERT_OK(good);
  BUNKER_ASSERT_OK(evil);
  const std::string good_bytes = pattern(9 * kMiB, 2);
  const std::string evil_bytes = pattern(9 * kMiB, 3);
  // The evil writer's part replaces the good one's of the same number.
  BUNKER_ASSERT_OK(write(**good, good_bytes));
  const auto good_token = suspend(**good);
  BUNKER_ASSERT_OK(good_token);
  BUNKER_ASSERT_OK(write(**evil, evil_bytes));
  const auto evil_token = suspend(**evil);

  const auto finished =
      sync_.finish(kScratch, *good_token, start.size() + good_bytes.size(), "", kBlob);
  EXPECT_EQ(code_of(finished), Code::conflict);
  EXPECT_EQ(code_of(sync_.head(kBlob)), Code::not_found);
}

TEST_F(S3Uploads, AReplayAfterwardsIsUnknown) {
  const std::string first = sync_.append(kScratch, "", 0, pattern(7 * kMiB)).value();
  const std::string second = sync_.append(kScratch, first, 7 * kMiB, "more").value();
  const auto other = replica();
  EXPECT_EQ(code_of(open(other->store(), first, 7 * kMiB)), Code::not_found);
  BUNKER_ASSERT_OK(sync_.finish(kScratch, second, 7 * kMiB + 4, "", kBlob));
  EXPECT_EQ(code_of(open(other->store(), second, 7 * kMiB + 4)), Code::not_found);
}

TEST_F(S3Uploads, ManyUploadsShareLittleMemoryWithoutStandstill) {
  const auto small = replica(5 * kMiB, 11 * kMiB);
  const std::string bytes = pattern(16 * kMiB);
  auto upload = [&](int id) -> Task<bool> {
    const std::string name = std::to_string(id);
    auto writer = co_await small->store().open_upload(context_, "u/" + name, "", 0, std::nullopt);
    for (std::size_t at = 0; at < bytes.size(); at += 300'000) {
      const auto piece = std::string_view(bytes).substr(at, 300'000);
      const auto written = co_await (*writer)->write(std::as_bytes(std::span(piece)));
      if (!written) co_return false;
      co_await sleep_for(std::chrono::microseconds(10));
    }
    const auto done = co_await (*writer)->commit("k/" + name);
    co_return done.has_value();
  };
  std::vector<Task<bool>> uploads;
  for (int i = 0; i < 12; ++i) uploads.push_back(upload(i));
  EXPECT_EQ(run_sync(when_all(std::move(uploads))), std::vector<bool>(12, true));
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(sync_.get("k/" + std::to_string(i)).value() == bytes);
}

TEST_F(S3Uploads, ManyKeysGoInOneCall) {
  std::vector<std::string> keys;
  for (int i = 0; i < 1500; ++i) keys.push_back("many/" + std::to_string(i));
  gateway_.forget_calls();
  BUNKER_ASSERT_OK(sync_.remove(keys));
  EXPECT_EQ(gateway_.calls(), (Calls{{"DeleteObjects", 2}}));
}

TEST_F(S3Uploads, ReadsCostOneCall) {
  BUNKER_ASSERT_OK(sync_.put("k", "value"));
  gateway_.forget_calls();
  EXPECT_EQ(sync_.read("k").value(), "value");
  EXPECT_EQ(sync_.get("k", {.offset = 1, .length = 2}).value(), "al");
  EXPECT_EQ(code_of(sync_.read("absent")), Code::not_found);
  EXPECT_EQ(sync_.head("k").value().size, 5U);
  EXPECT_EQ(code_of(sync_.head("absent")), Code::not_found);
  EXPECT_EQ(gateway_.calls(), (Calls{{"GetObject", 3}, {"HeadObject", 2}}));
}

}  // namespace
}  // namespace bunker::storage
