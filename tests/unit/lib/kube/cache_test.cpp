#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/object_cache.h"
#include "lib/kube/packer.h"

namespace bunker::kube {
namespace {

using testing::ElementsAre;
using Change = ObjectCache::Change;

Object config(const std::string& name, int version, const std::string& data,
              const std::string& owner = {}) {
  const std::string owners =
      owner.empty()
          ? "[]"
          : R"([{"kind": "Registry", "name": "r", "controller": true, "uid": ")" + owner + R"("}])";
  return Object::parse(R"({"kind": "ConfigMap", "metadata": {"namespace": "ns", "name": ")" + name +
                       R"(", "resourceVersion": ")" + std::to_string(version) +
                       R"(", "ownerReferences": )" + owners + R"(}, "data": {"k": ")" + data +
                       R"("}})")
      .value();
}

TEST(PackerTest, UnpacksWhatItPacked) {
  Packer packer;
  std::vector<std::string> packed;
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    texts.push_back(config("name-" + std::to_string(i), i, std::string(100u * i, 'x')).dump());
    packed.push_back(packer.pack(texts.back()));
  }
  for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(packer.unpack(packed[i]), texts[i]);
  EXPECT_EQ(packer.unpack(packer.pack("")), "");
}

TEST(PackerTest, WhatIsLikeTheFirstCostsLittle) {
  Packer packer;
  static_cast<void>(packer.pack(config("one", 1, std::string(3000, 'y')).dump()));
  EXPECT_LT(packer.pack(config("two", 2, std::string(3000, 'y')).dump()).size(), 100u);
}

TEST(ObjectCacheTest, TellsWhatAnObjectChanged) {
  ObjectCache cache;
  EXPECT_EQ(cache.put(config("a", 1, "x")), Change::added);
  EXPECT_EQ(cache.put(config("a", 2, "x")), Change::none);  // its version alone is new
  EXPECT_EQ(cache.put(config("a", 3, "y")), Change::changed);
  EXPECT_EQ(cache.put(config("a", 2, "x")), Change::none);  // older than what is here
  EXPECT_EQ(cache.get({"ns", "a"}), config("a", 3, "y"));
  EXPECT_EQ(cache.get({"ns", "b"}), std::nullopt);
}

TEST(ObjectCacheTest, AnOldDeletionDoesNotTakeANewObject) {
  ObjectCache cache;
  cache.put(config("a", 10, "x"));
  EXPECT_FALSE(cache.erase({"ns", "a"}, "9"));
  EXPECT_TRUE(cache.erase({"ns", "a"}, "11"));
  EXPECT_FALSE(cache.erase({"ns", "a"}, "11"));
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.packed_bytes(), 0u);
}

TEST(ObjectCacheTest, FindsWhatAnOwnerControls) {
  ObjectCache cache;
  cache.put(config("b", 1, "x", "u1"));
  cache.put(config("a", 2, "x", "u1"));
  cache.put(config("c", 3, "x", "u2"));
  cache.put(config("d", 4, "x"));
  EXPECT_THAT(cache.owned_by("u1"),
              ElementsAre(config("a", 2, "x", "u1"), config("b", 1, "x", "u1")));
  cache.put(config("a", 5, "x", "u2"));
  EXPECT_EQ(cache.owned_by("u1").size(), 1u);
  EXPECT_EQ(cache.owned_by("u2").size(), 2u);
  EXPECT_TRUE(cache.owned_by("u3").empty());
}

TEST(ObjectCacheTest, ASweepTakesWhatAListDidNotName) {
  ObjectCache cache;
  cache.put(config("stays", 1, "x"));
  cache.put(config("goes", 2, "x"));
  cache.begin_sweep();
  cache.put(config("stays", 1, "x"));
  cache.wrote(config("written-meanwhile", 30, "x"));
  EXPECT_THAT(cache.sweep("20"), ElementsAre(config("goes", 2, "x")));
  EXPECT_EQ(cache.size(), 2u);
  // What is newer than a list is kept although the list did not name it.
  cache.begin_sweep();
  cache.put(config("stays", 1, "x"));
  EXPECT_TRUE(cache.sweep("29").empty());
}

TEST(ObjectCacheTest, AWriteOverWhatIsHereIsNotToldAgain) {
  ObjectCache cache;
  cache.put(config("a", 1, "x"));
  cache.wrote(config("a", 5, "y"));
  EXPECT_EQ(cache.get({"ns", "a"}), config("a", 5, "y"));
  EXPECT_EQ(cache.put(config("a", 5, "y")), Change::none);
  EXPECT_EQ(cache.put(config("a", 6, "z")), Change::changed);
}

TEST(ObjectCacheTest, AWriteOfWhatWasNotHereIsToldOnce) {
  ObjectCache cache;
  cache.wrote(config("a", 5, "x"));
  cache.wrote(config("a", 7, "y"));
  EXPECT_EQ(cache.put(config("a", 5, "x")), Change::none);  // the newer one is on its way
  EXPECT_EQ(cache.put(config("a", 7, "y")), Change::added);
  EXPECT_EQ(cache.put(config("a", 7, "y")), Change::none);
}

TEST(ObjectCacheTest, AnAnswerThatTheWatchHasOvertakenBringsNothingBack) {
  ObjectCache cache;
  cache.put(config("a", 1, "x"));
  cache.erase({"ns", "a"}, "8");
  cache.wrote(config("a", 7, "y"));
  EXPECT_EQ(cache.size(), 0u);
  // The same where a list has overtaken it, during the list and after it.
  cache.wrote(config("b", 10, "y"));
  cache.begin_sweep();
  cache.wrote(config("c", 11, "y"));
  cache.put(config("d", 15, "x"));
  cache.wrote(config("e", 12, "y"));
  EXPECT_EQ(cache.sweep("15").size(), 3u);
  cache.wrote(config("f", 13, "y"));
  EXPECT_EQ(cache.keys(), (std::vector<ObjectKey>{{"ns", "d"}}));
}

TEST(ObjectCacheTest, VersionsAreNumbers) {
  EXPECT_TRUE(newer("10", "9"));
  EXPECT_FALSE(newer("9", "10"));
  EXPECT_FALSE(newer("9", "9"));
  EXPECT_TRUE(newer("x", "9"));
}

}  // namespace
}  // namespace bunker::kube
