// Objects: put, get, read, head, remove.
#include <algorithm>
#include <chrono>

#include "tests/contract/object_store_contract.h"

namespace bunker::storage {
namespace {

TEST_P(Objects, AnObjectIsWhatWasPut) {
  BUNKER_ASSERT_OK(store_->put("a/b/c", "hello"));
  EXPECT_EQ(store_->get("a/b/c").value(), "hello");
  EXPECT_EQ(store_->read("a/b/c").value(), "hello");
  EXPECT_EQ(store_->head("a/b/c").value().size, 5U);
}

TEST_P(Objects, EmptyAndBinaryBytesSurvive) {
  const std::string binary("\0\xff\r\n\0", 5);
  BUNKER_ASSERT_OK(store_->put("empty", ""));
  BUNKER_ASSERT_OK(store_->put("binary", binary));
  EXPECT_EQ(store_->get("empty").value(), "");
  EXPECT_EQ(store_->read("empty").value(), "");
  EXPECT_EQ(store_->head("empty").value().size, 0U);
  EXPECT_EQ(store_->read("binary").value(), binary);
}

TEST_P(Objects, PutReplacesTheWholeObject) {
  BUNKER_ASSERT_OK(store_->put("k", pattern(70'000)));
  BUNKER_ASSERT_OK(store_->put("k", "short"));
  EXPECT_EQ(store_->read("k").value(), "short");
  EXPECT_EQ(store_->head("k").value().size, 5U);
}

TEST_P(Objects, AReaderKeepsTheObjectThatItOpened) {
  const std::string old = pattern(300'000, 1);
  BUNKER_ASSERT_OK(store_->put("k", old));
  auto object = store_->get_object("k");
  BUNKER_ASSERT_OK(object);
  BUNKER_ASSERT_OK(store_->put("k", pattern(300'000, 2)));
  EXPECT_TRUE(drain(std::move(object->body)).value() == old);
  object = store_->get_object("k");
  BUNKER_ASSERT_OK(object);
  BUNKER_ASSERT_OK(store_->remove({"k"}));
  EXPECT_TRUE(drain(std::move(object->body)).value() == pattern(300'000, 2));
}

TEST_P(Objects, ModifiedIsTheTimeOfThePut) {
  using std::chrono::seconds;
  const auto before = std::chrono::system_clock::now();
  BUNKER_ASSERT_OK(store_->put("k", "x"));
  const auto modified = store_->head("k").value().modified;
  EXPECT_GE(modified, before - seconds(2));
  EXPECT_LE(modified, std::chrono::system_clock::now() + seconds(2));
  EXPECT_EQ(store_->get_object("k").value().info.modified, modified);
}

TEST_P(Objects, WhatIsNotThereIsNotFound) {
  BUNKER_ASSERT_OK(store_->put("there/deep/object", "x"));
  for (const char* key : {"absent", "there", "there/deep", "there/other", "there/deep/object/more",
                          "there/deep/objec", "there/deep/object2"}) {
    SCOPED_TRACE(key);
    EXPECT_EQ(code_of(store_->head(key)), Code::not_found);
    EXPECT_EQ(code_of(store_->get(key)), Code::not_found);
    EXPECT_EQ(code_of(store_->read(key)), Code::not_found);
  }
}

TEST_P(Objects, ReadStopsAtItsLimit) {
  BUNKER_ASSERT_OK(store_->put("k", pattern(10'000)));
  EXPECT_TRUE(store_->read("k", 10'000).value() == pattern(10'000));
  EXPECT_EQ(code_of(store_->read("k", 9'999)), Code::too_large);
  EXPECT_EQ(code_of(store_->read("k", 0)), Code::too_large);
}

TEST_P(Objects, BigObjectsSurvive) {
  const std::string big = pattern((5 << 20) + 17);
  BUNKER_ASSERT_OK(store_->put("big", big));
  EXPECT_TRUE(store_->get("big").value() == big);
  EXPECT_TRUE(store_->read("big", big.size()).value() == big);
}

struct RangeCase {
  ByteRange range;
  std::uint64_t offset;
  std::string_view bytes;
};

TEST_P(Objects, RangesAreServedAndCutAtTheEnd) {
  BUNKER_ASSERT_OK(store_->put("k", "0123456789"));
  for (const RangeCase& wanted : {
           RangeCase{{}, 0, "0123456789"},
           RangeCase{{.offset = 3}, 3, "3456789"},
           RangeCase{{.offset = 0, .length = 1}, 0, "0"},
           RangeCase{{.offset = 2, .length = 3}, 2, "234"},
           RangeCase{{.offset = 9, .length = 100}, 9, "9"},
           RangeCase{{.offset = 1, .length = UINT64_MAX}, 1, "123456789"},
           RangeCase{{.suffix = 4}, 6, "6789"},
           RangeCase{{.suffix = 10}, 0, "0123456789"},
           RangeCase{{.suffix = UINT64_MAX}, 0, "0123456789"},
       }) {
    SCOPED_TRACE(wanted.bytes);
    auto object = store_->get_object("k", wanted.range);
    BUNKER_ASSERT_OK(object);
    EXPECT_EQ(object->info.size, 10U);
    EXPECT_EQ(object->offset, wanted.offset);
    EXPECT_EQ(object->body.length, wanted.bytes.size());
    EXPECT_EQ(drain(std::move(object->body)).value(), wanted.bytes);
  }
}

TEST_P(Objects, RangesBehindTheEndAreOutOfRange) {
  BUNKER_ASSERT_OK(store_->put("k", "0123456789"));
  BUNKER_ASSERT_OK(store_->put("empty", ""));
  EXPECT_EQ(code_of(store_->get("k", {.offset = 10})), Code::out_of_range);
  EXPECT_EQ(code_of(store_->get("k", {.offset = UINT64_MAX, .length = 1})), Code::out_of_range);
  EXPECT_EQ(code_of(store_->get("k", {.suffix = 0})), Code::out_of_range);
  EXPECT_EQ(code_of(store_->get("empty", {.offset = 0, .length = 1})), Code::out_of_range);
  EXPECT_EQ(code_of(store_->get("empty", {.suffix = 1})), Code::out_of_range);
  EXPECT_EQ(code_of(store_->get("absent", {.offset = 10})), Code::not_found);
}

TEST_P(Objects, RemovedObjectsAreGone) {
  BUNKER_ASSERT_OK(store_->put("a/1", "x"));
  BUNKER_ASSERT_OK(store_->put("a/2", "x"));
  BUNKER_ASSERT_OK(store_->put("a-b", "x"));
  BUNKER_ASSERT_OK(store_->remove({"a/1", "a/1", "absent", "a/absent/too", "a/2/x"}));
  EXPECT_EQ(code_of(store_->head("a/1")), Code::not_found);
  EXPECT_EQ(store_->keys(), (std::vector<std::string>{"a-b", "a/2"}));
  BUNKER_EXPECT_OK(store_->remove({}));
}

TEST_P(Objects, RemovingAPrefixRemovesNothing) {
  BUNKER_ASSERT_OK(store_->put("a/b/c", "x"));
  BUNKER_EXPECT_OK(store_->remove({"a", "a/b"}));
  EXPECT_EQ(store_->keys(), (std::vector<std::string>{"a/b/c"}));
}

TEST_P(Objects, ThousandsGoInOneCall) {
  std::vector<std::string> keys;
  keys.reserve(1'500);
  for (int i = 0; i < 1'500; ++i)
    keys.push_back("many/" + std::to_string(i % 7) + "/" + std::to_string(i));
  // Only some are there: a put costs a sync.
  for (std::size_t i = 0; i < keys.size(); i += 30) BUNKER_ASSERT_OK(store_->put(keys[i], "x"));
  BUNKER_ASSERT_OK(store_->remove(keys));
  EXPECT_EQ(store_->keys("many/"), std::vector<std::string>());
}

TEST_P(Objects, HostileKeysAreInvalidAndTouchNothing) {
  BUNKER_ASSERT_OK(store_->put("a/b", "x"));
  const std::string nul("a/\0b", 4);
  const std::string long_key(1025, 'k');
  for (const std::string& key :
       {std::string(), std::string("/"), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("."), std::string(".."), std::string("../a"), std::string("a/../b"),
        std::string("a/./b"), std::string("a/.."), std::string("a/b/."), nul, long_key}) {
    SCOPED_TRACE(key.substr(0, 20));
    EXPECT_EQ(code_of(store_->head(key)), Code::invalid);
    EXPECT_EQ(code_of(store_->get(key)), Code::invalid);
    EXPECT_EQ(code_of(store_->read(key)), Code::invalid);
    EXPECT_EQ(code_of(store_->put(key, "evil")), Code::invalid);
    EXPECT_EQ(code_of(store_->remove({"a/b", key})), Code::invalid);
    EXPECT_EQ(code_of(store_->open(key, "", 0)), Code::invalid);
    EXPECT_EQ(code_of(store_->read_upload(key, "token")), Code::invalid);
    EXPECT_EQ(code_of(store_->abort(key, "token")), Code::invalid);
    EXPECT_EQ(code_of(store_->finish("scratch/data", "", 0, "evil", key)), Code::invalid);
  }
  EXPECT_EQ(store_->keys(), (std::vector<std::string>{"a/b"}));
}

TEST_P(Objects, UnusualKeysAreOnlyNames) {
  std::vector<std::string> keys = {
      " ",     "%2e%2e/x", "*",    "-rf",   "...",   "a b",      "a/.hidden",
      "a/...", "a/..b",    "a\\b", "q?x=1", "~root", "\xc3\xa9", std::string(200, 'n')};
  if (GetParam().any_bytes) keys.insert(keys.end(), {"\x01", "\xff\xfe/\x80"});
  for (const std::string& key : keys) {
    SCOPED_TRACE(key);
    BUNKER_ASSERT_OK(store_->put(key, key));
    EXPECT_EQ(store_->read(key).value(), key);
  }
  auto sorted = keys;
  std::ranges::sort(sorted, [](const std::string& a, const std::string& b) { return a < b; });
  EXPECT_EQ(store_->keys(), sorted);
}

TEST_P(Objects, ACallAfterItsDeadlineGivesUp) {
  ObjectStore& store = under_test_->store();
  Context late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(code_of(run_sync(store.head(late, "k"))), Code::retry_later);
  EXPECT_EQ(code_of(run_sync(store.get(late, "k", {}))), Code::retry_later);
  EXPECT_EQ(code_of(run_sync(store.read(late, "k", 10))), Code::retry_later);
  EXPECT_EQ(code_of(run_sync(store.put(late, "k", "x"))), Code::retry_later);
  EXPECT_EQ(code_of(run_sync(store.list(late, "", {}))), Code::retry_later);
  EXPECT_EQ(code_of(run_sync(store.remove(late, {"k"}))), Code::retry_later);
  EXPECT_EQ(code_of(run_sync(store.open_upload(late, "s", "", 0, {}))), Code::retry_later);
  EXPECT_EQ(store_->keys(), std::vector<std::string>());
}

}  // namespace
}  // namespace bunker::storage
