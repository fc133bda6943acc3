#include "lib/kube/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/watch.h"

namespace bunker::kube {
namespace {

using testing::ElementsAre;

TEST(DecodeTest, ManagedFieldsAreLeftOut) {
  const Object object =
      decode_object(R"({"metadata": {"name": "a", "managedFields": [{"manager": "x"}]}})").value();
  EXPECT_EQ(object.dump(), R"({"metadata":{"name":"a"}})");
}

TEST(DecodeTest, ManagedFieldsAreLeftOutWhereverTheyStand) {
  const auto left = [](const char* text) { return decode_object(text).value().dump(); };
  EXPECT_EQ(left(R"({"managedFields": [], "a": 1})"), R"({"a":1})");
  EXPECT_EQ(left(R"({"a": 1 , "managedFields" : {"f": "}\"]"}})"), R"({"a":1})");
  EXPECT_EQ(left(R"({"a": {"managedFields": [{}]}, "b": {"managedFields": 7, "c": 2}})"),
            R"({"a":{},"b":{"c":2}})");
  // A value of that name, a text that has it within, and a name that ends so are something else.
  EXPECT_EQ(left(R"({"a": ["managedFields", 1]})"), R"({"a":["managedFields",1]})");
  EXPECT_EQ(left(R"({"a": "x\"managedFields\":[1],"})"), R"({"a":"x\"managedFields\":[1],"})");
  EXPECT_EQ(left(R"({"x\"managedFields": 1})"), R"({"x\"managedFields":1})");
  EXPECT_FALSE(decode_object(R"({"managedFields": [)"));
  EXPECT_FALSE(decode_object(R"({"managedFields")"));
}

// What `text` holds, read in pieces of `piece` bytes.
struct Listed {
  std::vector<std::string> items;
  ListHead head;
};
Result<Listed> read_list(std::string_view text, std::size_t piece) {
  ListDecoder decoder;
  Listed out;
  const auto each = [&out](std::string_view item) -> Result<void> {
    out.items.emplace_back(item);
    return {};
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    BUNKER_TRY(decoder.feed(text.substr(at, piece), each));
  }
  BUNKER_TRY_ASSIGN(out.head, decoder.finish());
  return out;
}

TEST(ListDecoderTest, TheSameItemsHoweverTheBytesAreCut) {
  constexpr std::string_view kList =
      R"({"kind": "PodList", "x": [{"items" : 1}], "metadata": {"resourceVersion": "7", )"
      R"("continue": "c]}"}, "items" : [{"a": "}]\"{"}, {"b": [1, {"c": 2}]} ,{}], "y": [{}]})";
  for (std::size_t piece = 1; piece <= kList.size(); ++piece) {
    const Listed list = read_list(kList, piece).value();
    EXPECT_THAT(list.items, ElementsAre(R"({"a": "}]\"{"})", R"({"b": [1, {"c": 2}]})", "{}"));
    EXPECT_EQ(list.head.resource_version, "7");
    EXPECT_EQ(list.head.continue_token, "c]}");
  }
}

TEST(ListDecoderTest, AnEmptyListMayBeNull) {
  EXPECT_TRUE(read_list(R"({"items": null, "metadata": {}})", 99).value().items.empty());
  EXPECT_TRUE(read_list(R"({"items": []})", 99).value().items.empty());
}

TEST(ListDecoderTest, WhatIsNoListIsRefused) {
  for (const char* text : {"", "[]", "{", R"({"items": [1]})", R"({"items": [{])", R"({"items")",
                           R"({"items": [{}})", R"({"a": "\)", R"({"items": [{}, [{}]]})", "}"}) {
    EXPECT_FALSE(read_list(text, 1).has_value()) << text;
    EXPECT_FALSE(read_list(text, 99).has_value()) << text;
  }
}

TEST(ListDecoderTest, AnItemWithoutEndIsRefused) {
  ListDecoder decoder(100);
  const auto none = [](std::string_view) -> Result<void> { return {}; };
  ASSERT_TRUE(decoder.feed(R"({"items": [{"a": ")", none));
  EXPECT_FALSE(decoder.feed(std::string(101, 'x'), none));
}

TEST(ListDecoderTest, WhoeverTakesTheItemsMayEndIt) {
  ListDecoder decoder;
  const auto refuse = [](std::string_view) -> Result<void> { return fail(Code::internal, "no"); };
  EXPECT_EQ(decoder.feed(R"({"items": [{}]})", refuse).error().message, "no");
}

TEST(DecodeTest, StatusesBecomeTheCallersNextStep) {
  const auto code = [](int status, const char* reason) {
    return status_error(status, R"({"message": "m", "reason": ")" + std::string(reason) + R"("})",
                        "get x")
        .code;
  };
  EXPECT_EQ(code(404, "NotFound"), Code::not_found);
  EXPECT_EQ(code(409, "AlreadyExists"), Code::already_exists);
  EXPECT_EQ(code(409, "Conflict"), Code::conflict);
  EXPECT_EQ(code(410, "Expired"), Code::out_of_range);
  EXPECT_EQ(code(422, "Invalid"), Code::invalid);
  EXPECT_EQ(code(403, "Forbidden"), Code::forbidden);
  EXPECT_EQ(code(429, "TooManyRequests"), Code::retry_later);
  EXPECT_EQ(code(500, "InternalError"), Code::retry_later);
  EXPECT_EQ(code(0, ""), Code::retry_later);
  EXPECT_EQ(status_error(500, "<html>", "get x").message, "get x: the API server answered 500");
}

constexpr std::string_view kStream =
    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n"
    "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"b\\n\"}}}\r\n\n"
    "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"c\"}}}\n"
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}\n";

TEST(WatchDecoderTest, TheSameEventsHoweverTheBytesAreCut) {
  for (std::size_t piece = 1; piece <= kStream.size(); ++piece) {
    WatchDecoder decoder;
    std::vector<WatchEvent> events;
    for (std::size_t at = 0; at < kStream.size(); at += piece) {
      ASSERT_TRUE(decoder.feed(kStream.substr(at, piece),
                               [&](WatchEvent event) { events.push_back(std::move(event)); }));
    }
    ASSERT_EQ(events.size(), 4u) << piece;
    EXPECT_EQ(events[0].type, WatchEvent::Type::added);
    EXPECT_EQ(events[1].object.name(), "b\n");
    EXPECT_EQ(events[2].type, WatchEvent::Type::deleted);
    EXPECT_EQ(events[3].object.resource_version(), "9");
  }
}

TEST(WatchDecoderTest, AnErrorEventIsTheErrorThatItSays) {
  WatchDecoder decoder;
  const auto result = decoder.feed(
      "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"message\":\"too "
      "old\"}}\n",
      [](WatchEvent) { FAIL(); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::out_of_range);
  EXPECT_EQ(result.error().message, "watch: too old");
}

TEST(WatchDecoderTest, WhatIsNoWatchIsRefused) {
  for (const char* line :
       {"{}\n", "x\n", "{\"type\":\"ADDED\"}\n", "{\"type\":1,\"object\":{}}\n"}) {
    EXPECT_EQ(WatchDecoder().feed(line, [](WatchEvent) {}).error().code, Code::invalid) << line;
  }
  EXPECT_FALSE(WatchDecoder(8).feed("123456789", [](WatchEvent) {}));
}

}  // namespace
}  // namespace bunker::kube
