#include "registryd/cache/redis/protocol.h"

#include <gtest/gtest.h>

namespace bunker::cache::redis {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(RedisProtocol, CommandsMayHoldAnything) {
  EXPECT_EQ(format({"SET", "a b", std::string("\0\r\n", 3), ""}),
            std::string("*4\r\n$3\r\nSET\r\n$3\r\na b\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n", 37));
}

TEST(RedisProtocol, RepliesComeInAnyPieces) {
  const std::string stream =
      "+OK\r\n-ERR no\r\n:42\r\n$-1\r\n$5\r\nhe\r\no\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    ReplyReader reader;
    std::vector<Reply> replies;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(bytes_of(std::string_view(stream).substr(at, piece)));
      while (true) {
        auto reply = reader.next();
        ASSERT_TRUE(reply);
        if (!*reply) break;
        replies.push_back(**std::move(reply));
      }
    }
    ASSERT_EQ(replies.size(), 6U);
    EXPECT_EQ(replies[0].text, "OK");
    EXPECT_TRUE(replies[1].is_error());
    EXPECT_EQ(replies[2].integer, 42);
    EXPECT_EQ(replies[3].type, Reply::Type::nil);
    EXPECT_EQ(replies[4].text, "he\r\no");
    ASSERT_EQ(replies[5].items.size(), 2U);
    EXPECT_EQ(replies[5].items[1].items[0].integer, 1);
  }
}

TEST(RedisProtocol, SomethingElseIsAnError) {
  ReplyReader reader;
  reader.feed(bytes_of("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_EQ(reader.next().error().code, Code::invalid);
}

}  // namespace
}  // namespace bunker::cache::redis
