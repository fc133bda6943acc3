#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/object_cache.h"
#include "lib/kube/object_json.h"
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

TEST(PackerTest, EachSortIsLearnedOnce) {
  Packer packer;
  std::mt19937 random(3);
  std::vector<std::string> texts;
  for (int sort = 0; sort < 6; ++sort) {  // text that has nothing in common with the other sorts'
    std::string text(3000, ' ');
    for (char& each : text) each = static_cast<char>('a' + random() % 26);
    texts.push_back(text);
  }
  std::vector<std::string> packed;
  for (const std::string& text : texts) packed.push_back(packer.pack(text));
  for (std::size_t sort = 0; sort < 5; ++sort) {  // the sixth does not fit any more
    EXPECT_LT(packer.pack(texts[sort] + "x").size(), 100u) << sort;
  }
  for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(packer.unpack(packed[i]), texts[i]);
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

TEST(ObjectCacheTest, AVersionThatIsNoNumberIsKept) {
  ObjectCache cache;
  nlohmann::json value = json_of(config("a", 1, "x"));
  value["metadata"]["resourceVersion"] = "v7";
  const Object object(value);
  EXPECT_EQ(cache.put(object), Change::added);
  EXPECT_EQ(cache.get({"ns", "a"}), object);
  EXPECT_TRUE(cache.erase({"ns", "a"}, "v8"));
}

// Random writes beside an oracle: keys, owners and contents that come, change and go.
TEST(ObjectCacheTest, HoldsWhatAMapHolds) {
  std::mt19937 random(7);
  const auto pick = [&random](int most) { return std::uniform_int_distribution(0, most)(random); };
  ObjectCache cache;
  std::map<ObjectKey, Object> oracle;
  for (int version = 1; version < 6000; ++version) {
    const std::string name = "object-" + std::to_string(pick(60));
    const ObjectKey key{"ns", name};
    if (pick(3) == 0) {
      EXPECT_EQ(cache.erase(key, std::to_string(version)), oracle.erase(key) == 1);
    } else {
      const Object object =
          config(name, version, std::string(static_cast<std::size_t>(pick(900)), 'x'),
                 "u" + std::to_string(pick(5)));
      const auto [at, added] = oracle.try_emplace(key);
      const bool same = !added && json_of(at->second)["data"] == json_of(object)["data"] &&
                        at->second.controller()->uid == object.controller()->uid;
      at->second = object;
      EXPECT_EQ(cache.put(object), added ? Change::added : (same ? Change::none : Change::changed));
    }
    if (version % 500 != 0) continue;
    if (version % 1000 == 0) {  // a list that does not name every second object
      cache.begin_sweep();
      std::size_t gone = 0;
      for (auto at = oracle.begin(); at != oracle.end();) {
        if (gone++ % 2 == 0) {
          cache.put((at++)->second);
        } else {
          at = oracle.erase(at);
        }
      }
      EXPECT_EQ(cache.sweep(std::to_string(version)).size(), gone / 2);
    }
    std::map<std::string, std::vector<Object>> owned;
    std::vector<ObjectKey> keys;
    for (const auto& [each, object] : oracle) {
      EXPECT_EQ(cache.get(each), object);
      owned[object.controller()->uid].push_back(object);
      keys.push_back(each);
    }
    EXPECT_EQ(cache.keys(), keys);
    EXPECT_EQ(cache.size(), keys.size());
    for (const auto& [uid, objects] : owned) EXPECT_EQ(cache.owned_by(uid), objects);
  }
}

TEST(ObjectCacheTest, VersionsAreNumbers) {
  EXPECT_TRUE(newer("10", "9"));
  EXPECT_FALSE(newer("9", "10"));
  EXPECT_FALSE(newer("9", "9"));
  EXPECT_TRUE(newer("x", "9"));
}

}  // namespace
}  // namespace bunker::kube
