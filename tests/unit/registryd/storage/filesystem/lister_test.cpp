#include "registryd/storage/filesystem/lister.h"

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace bunker::storage {
namespace {

namespace fs = std::filesystem;
using Keys = std::vector<std::string>;

Keys keys_of(const ListPage& page) {
  Keys keys;
  for (const ListEntry& entry : page.entries) keys.push_back(entry.key);
  return keys;
}

class ListerTest : public testing::Test {
 protected:
  ListerTest() {
    options_.delimited = true;
    for (const char* tag : {"a", "a-b", "b"}) add(tag);
  }

  void add(const std::string& tag) const { folder_.write("t/" + tag + "/current/link", "x"); }
  Keys list() { return keys_of(lister_.list("t/", options_).value()); }
  std::optional<Keys> from_memory() {
    const auto page = lister_.list_from_memory("t/", options_);
    if (!page) return std::nullopt;
    return keys_of(*page);
  }
  // Until the folder has been left alone for long enough to be believed.
  void remember() {
    while (!from_memory()) (void)list();
  }

  TempFolder folder_;
  Tree tree_ = Tree::open(folder_.path()).value();
  Lister lister_{tree_, 1 << 20};
  ListOptions options_;
};

TEST_F(ListerTest, AFolderLeftAloneIsListedFromMemory) {
  EXPECT_FALSE(from_memory());
  EXPECT_EQ(list(), (Keys{"t/a-b/", "t/a/", "t/b/"}));
  remember();
  EXPECT_EQ(from_memory(), (Keys{"t/a-b/", "t/a/", "t/b/"}));
  options_.start_after = "t/a-b/";
  options_.limit = 1;
  EXPECT_EQ(from_memory(), (Keys{"t/a/"}));
  EXPECT_TRUE(lister_.list_from_memory("t/", options_)->truncated);
}

TEST_F(ListerTest, AFolderJustChangedIsNotBelieved) {
  // A change in the same tick of the clock as the reading would not show in the stamp.
  fs::last_write_time(folder_ / "t", fs::file_time_type::clock::now() + std::chrono::hours(1));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(list(), (Keys{"t/a-b/", "t/a/", "t/b/"}));
    EXPECT_FALSE(from_memory());
  }
}

TEST_F(ListerTest, ChangesByOthersShowAtOnce) {
  remember();
  add("c");
  EXPECT_FALSE(from_memory());
  EXPECT_EQ(list(), (Keys{"t/a-b/", "t/a/", "t/b/", "t/c/"}));
  remember();
  fs::remove_all(folder_ / "t/a");
  EXPECT_FALSE(from_memory());
  EXPECT_EQ(list(), (Keys{"t/a-b/", "t/b/", "t/c/"}));
  remember();
  fs::rename(folder_ / "t/b", folder_ / "t/z");
  EXPECT_EQ(list(), (Keys{"t/a-b/", "t/c/", "t/z/"}));
}

TEST_F(ListerTest, AFolderReplacedByAnotherIsReadAnew) {
  remember();
  fs::rename(folder_ / "t", folder_ / "old");
  folder_.write("t/new/link", "x");
  EXPECT_FALSE(from_memory());
  EXPECT_EQ(list(), (Keys{"t/new/"}));
  fs::remove_all(folder_ / "t");
  EXPECT_FALSE(from_memory());
  EXPECT_EQ(list(), Keys());
}

TEST_F(ListerTest, EmptyFoldersAreNoEntriesUntilTheyAreFilled) {
  fs::create_directories(folder_ / "t/e/current");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(list(), (Keys{"t/a-b/", "t/a/", "t/b/"}));
  // It can be filled without a change to "t", so it is never skipped from memory.
  EXPECT_FALSE(from_memory());
  folder_.write("t/e/current/link", "x");
  EXPECT_EQ(list(), (Keys{"t/a-b/", "t/a/", "t/b/", "t/e/"}));
}

TEST_F(ListerTest, ATagMadeAnewIsLookedAtAnew) {
  remember();
  fs::remove_all(folder_ / "t/b");
  fs::create_directories(folder_ / "t/b/current");
  EXPECT_EQ(list(), (Keys{"t/a-b/", "t/a/"}));
}

TEST_F(ListerTest, SizesOfFilesAreNeverRemembered) {
  folder_.write("t/file", "1");
  EXPECT_EQ(lister_.list("t/", options_)->entries.back().info.size, 1U);
  folder_.write("t/file", "123");  // in place: "t" does not change
  EXPECT_EQ(lister_.list("t/", options_)->entries.back().info.size, 3U);
}

TEST_F(ListerTest, WhatIsNoObjectIsHidden) {
  TempFolder outside;
  outside.write("secret/file", "x");
  fs::create_symlink(outside / "secret", folder_ / "t/out");
  fs::create_symlink("/etc/passwd", folder_ / "t/passwd");
  fs::create_symlink("nowhere", folder_ / "t/broken");
  fs::create_symlink("a", folder_ / "t/inside");
  EXPECT_EQ(list(), (Keys{"t/a-b/", "t/a/", "t/b/", "t/inside/"}));
  options_.delimited = false;
  EXPECT_EQ(list(), (Keys{"t/a-b/current/link", "t/a/current/link", "t/b/current/link",
                          "t/inside/current/link"}));
  folder_.write(".bunker-tmp/x", "x");
  folder_.write("lost+found/x", "x");
  EXPECT_EQ(keys_of(lister_.list("", options_).value()), list());
  EXPECT_EQ(keys_of(lister_.list(".bunker-tmp/", options_).value()), Keys());
}

TEST(SnapshotCache, KeepsTheFoldersUsedLastWithinItsBound) {
  TempFolder folder;
  for (int i = 0; i < 10; ++i) folder.write("f" + std::to_string(i) + "/file", "x");
  const Tree tree = Tree::open(folder.path()).value();
  const auto snapshot = [&](int i) {
    return FolderSnapshot::read(tree, "f" + std::to_string(i), nullptr).value();
  };
  const std::size_t one = snapshot(0)->memory() + 2;
  SnapshotCache cache(3 * one);
  for (int i = 0; i < 3; ++i) cache.keep("f" + std::to_string(i), snapshot(i));
  EXPECT_TRUE(cache.find("f0"));
  cache.keep("f3", snapshot(3));
  EXPECT_TRUE(cache.find("f0"));
  EXPECT_FALSE(cache.find("f1"));
  EXPECT_TRUE(cache.find("f2"));
  EXPECT_TRUE(cache.find("f3"));
  SnapshotCache none(0);
  none.keep("f0", snapshot(0));
  EXPECT_FALSE(none.find("f0"));
}

}  // namespace
}  // namespace bunker::storage
