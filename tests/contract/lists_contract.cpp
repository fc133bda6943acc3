// Lists: order, folding, paging.
#include "tests/contract/object_store_contract.h"

namespace bunker::storage {
namespace {

using Keys = std::vector<std::string>;

void put_all(SyncStore& store, const Keys& keys) {
  for (const std::string& key : keys) BUNKER_ASSERT_OK(store.put(key, "x"));
}

// '-' and '.' sort before '/', '0' behind it: where directory order and key order part.
const Keys kTricky = {"r/a-b/x", "r/a.b", "r/a/x", "r/a/y/z", "r/a0", "r/b", "s"};

TEST_P(Lists, KeysComeInByteOrder) {
  put_all(*store_, kTricky);
  EXPECT_EQ(store_->keys(), kTricky);
  EXPECT_EQ(store_->keys("r/"), Keys(kTricky.begin(), kTricky.end() - 1));
  EXPECT_EQ(store_->keys("r/a"), Keys(kTricky.begin(), kTricky.begin() + 5));
  EXPECT_EQ(store_->keys("r/a/"), (Keys{"r/a/x", "r/a/y/z"}));
}

TEST_P(Lists, DelimitedListsFoldWhatLiesDeeper) {
  put_all(*store_, kTricky);
  EXPECT_EQ(store_->keys("r/", 1000, true), (Keys{"r/a-b/", "r/a.b", "r/a/", "r/a0", "r/b"}));
  EXPECT_EQ(store_->keys("", 1000, true), (Keys{"r/", "s"}));
  EXPECT_EQ(store_->keys("r/a/y/", 1000, true), (Keys{"r/a/y/z"}));
}

TEST_P(Lists, PagesJoinWithoutGapOrRepetition) {
  put_all(*store_, kTricky);
  for (std::size_t page = 1; page <= kTricky.size() + 1; ++page) {
    SCOPED_TRACE(page);
    EXPECT_EQ(store_->keys("", page), kTricky);
    EXPECT_EQ(store_->keys("r/", page, true), (Keys{"r/a-b/", "r/a.b", "r/a/", "r/a0", "r/b"}));
  }
}

Keys after(SyncStore& store, const std::string& prefix, const std::string& start, bool delimited) {
  Keys keys;
  ListOptions options;
  options.start_after = start;
  options.delimited = delimited;
  const auto page = store.list(prefix, options);
  if (!page) return {to_string(page.error())};
  for (const ListEntry& entry : page->entries) keys.push_back(entry.key);
  return keys;
}

TEST_P(Lists, StartAfterNeedNotExist) {
  put_all(*store_, kTricky);
  EXPECT_EQ(after(*store_, "r/", "r/a/", false), (Keys{"r/a/x", "r/a/y/z", "r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "r/", "r/a/x", false), (Keys{"r/a/y/z", "r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "r/", "r/a/xx", false), (Keys{"r/a/y/z", "r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "r/", "r/a/z", false), (Keys{"r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "r/", "q", false), store_->keys("r/"));
  EXPECT_EQ(after(*store_, "r/", "s", false), Keys());
  EXPECT_EQ(after(*store_, "r/", "r/", false), store_->keys("r/"));
  EXPECT_EQ(after(*store_, "", "r/a", false),
            (Keys{"r/a-b/x", "r/a.b", "r/a/x", "r/a/y/z", "r/a0", "r/b", "s"}));
}

TEST_P(Lists, StartAfterAppliesToFoldedEntriesAsTheyAreShown) {
  put_all(*store_, kTricky);
  EXPECT_EQ(after(*store_, "r/", "r/a", true), (Keys{"r/a-b/", "r/a.b", "r/a/", "r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "r/", "r/a.b", true), (Keys{"r/a/", "r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "r/", "r/a/", true), (Keys{"r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "r/", "r/a/x", true), (Keys{"r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "r/", "r/a-b/x", true), (Keys{"r/a.b", "r/a/", "r/a0", "r/b"}));
  EXPECT_EQ(after(*store_, "", "r", true), (Keys{"r/", "s"}));
  EXPECT_EQ(after(*store_, "", "r/", true), (Keys{"s"}));
}

TEST_P(Lists, EntriesCarrySizeAndTime) {
  BUNKER_ASSERT_OK(store_->put("d/file", pattern(1234)));
  BUNKER_ASSERT_OK(store_->put("d/sub/file", "x"));
  ListOptions options;
  options.delimited = true;
  const auto page = store_->list("d/", options);
  BUNKER_ASSERT_OK(page);
  ASSERT_EQ(page->entries.size(), 2U);
  EXPECT_EQ(page->entries[0].info.size, 1234U);
  EXPECT_EQ(page->entries[0].info.modified, store_->head("d/file").value().modified);
  EXPECT_EQ(page->entries[1].key, "d/sub/");
  EXPECT_EQ(page->entries[1].info.size, 0U);
  EXPECT_EQ(page->entries[1].info.modified, SystemTime());
}

TEST_P(Lists, SizesAreThoseOfNow) {
  BUNKER_ASSERT_OK(store_->put("d/file", "1"));
  EXPECT_EQ(store_->list("d/").value().entries[0].info.size, 1U);
  BUNKER_ASSERT_OK(store_->put("d/file", "1234"));
  EXPECT_EQ(store_->list("d/").value().entries[0].info.size, 4U);
  ListOptions options;
  options.delimited = true;
  EXPECT_EQ(store_->list("d/", options).value().entries[0].info.size, 4U);
}

TEST_P(Lists, TruncatedOnlyWhenMoreFollows) {
  put_all(*store_, {"k/1", "k/2/x", "k/3"});
  ListOptions options;
  options.limit = 3;
  EXPECT_FALSE(store_->list("k/", options).value().truncated);
  options.limit = 2;
  EXPECT_TRUE(store_->list("k/", options).value().truncated);
  options.delimited = true;
  EXPECT_TRUE(store_->list("k/", options).value().truncated);
  options.limit = 3;
  EXPECT_FALSE(store_->list("k/", options).value().truncated);
  options.limit = 0;
  const auto none = store_->list("k/", options);
  BUNKER_ASSERT_OK(none);
  EXPECT_TRUE(none->entries.empty());
  EXPECT_FALSE(none->truncated);
}

TEST_P(Lists, UnknownAndHostilePrefixesAreEmptyPages) {
  put_all(*store_, {"a/b"});
  for (const std::string& prefix :
       {std::string("b"), std::string("b/"), std::string("a/b/"), std::string("a/b/c"),
        std::string("../"), std::string("a/../a/"), std::string("/"), std::string("//"),
        std::string("./"), std::string("a//"), std::string("/a/"), std::string("a/\0/", 4),
        std::string(5000, 'x') + '/', std::string(300, 'y') + "/z"}) {
    SCOPED_TRACE(prefix.substr(0, 20));
    const auto page = store_->list(prefix);
    BUNKER_ASSERT_OK(page);
    EXPECT_TRUE(page->entries.empty());
    EXPECT_FALSE(page->truncated);
  }
}

TEST_P(Lists, AFolderVanishesWithItsLastObject) {
  put_all(*store_, {"t/one/current/link", "t/two/current/link", "t/two/index/x/link"});
  EXPECT_EQ(store_->keys("t/", 10, true), (Keys{"t/one/", "t/two/"}));
  BUNKER_ASSERT_OK(store_->remove({"t/one/current/link"}));
  EXPECT_EQ(store_->keys("t/", 10, true), (Keys{"t/two/"}));
  BUNKER_ASSERT_OK(store_->remove({"t/two/current/link"}));
  EXPECT_EQ(store_->keys("t/", 10, true), (Keys{"t/two/"}));
  BUNKER_ASSERT_OK(store_->remove({"t/two/index/x/link"}));
  EXPECT_EQ(store_->keys("t/", 10, true), Keys());
  EXPECT_EQ(store_->keys("", 10, true), Keys());
}

TEST_P(Lists, EveryChangeShowsAtOnce) {
  Keys expected;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "t/" + std::to_string(1000 + i);
    BUNKER_ASSERT_OK(store_->put(name + "/current/link", "x"));
    expected.push_back(name + '/');
    ASSERT_EQ(store_->keys("t/", 1000, true), expected);
    ASSERT_EQ(store_->keys("t/", 1000, true), expected);
  }
  while (!expected.empty()) {
    BUNKER_ASSERT_OK(store_->remove({expected.front() + "current/link"}));
    expected.erase(expected.begin());
    ASSERT_EQ(store_->keys("t/", 7, true), expected);
  }
}

}  // namespace
}  // namespace bunker::storage
