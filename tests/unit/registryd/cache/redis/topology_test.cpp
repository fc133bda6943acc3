#include "registryd/cache/redis/topology.h"

#include <gtest/gtest.h>

#include "registryd/cache/redis_facts.h"

namespace bunker::cache::redis {
namespace {

// As CLUSTER KEYSLOT of Redis 7 says.
TEST(RedisTopology, SlotsAreRediss) {
  EXPECT_EQ(slot_of("123456789"), 0x31c3U);
  EXPECT_EQ(slot_of("somekey"), 11058U);
  EXPECT_EQ(slot_of("foo{hash_tag}"), 2515U);
  EXPECT_EQ(slot_of("hash_tag"), 2515U);
  EXPECT_EQ(slot_of("{}somekey"), slot_of("{}somekey"));
  EXPECT_NE(slot_of("{}somekey"), slot_of("somekey"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of(""), 0U);
}

TEST(RedisTopology, Redirections) {
  const net::Destination asked("redis", 7000, true);
  const auto moved = parse_redirection("MOVED 3999 127.0.0.1:6381", asked);
  ASSERT_TRUE(moved);
  EXPECT_TRUE(moved->moved);
  EXPECT_EQ(moved->slot, 3999U);
  EXPECT_EQ(moved->to, net::Destination("127.0.0.1", 6381, true));
  EXPECT_EQ(parse_redirection("MOVED 1 :6381", asked)->to, net::Destination("redis", 6381, true));
  EXPECT_EQ(parse_redirection("MOVED 1 ::1:6381", asked)->to, net::Destination("::1", 6381, true));
  EXPECT_FALSE(parse_redirection("ASK 1 a:2", asked)->moved);
  for (const char* odd : {"", "MOVED", "MOVED x a:1", "MOVED 16384 a:1", "MOVED 1 a",
                          "MOVED 1 a:", "MOVED 1 a:65536", "MOVED -1 a:1", "ERR MOVED 1 a:1"}) {
    EXPECT_FALSE(parse_redirection(odd, asked)) << odd;
  }
}

TEST(RedisFacts, AreReadAsTheyWereWritten) {
  for (const Fact& fact : {Fact{0, std::nullopt}, Fact{UINT64_MAX, std::nullopt},
                           Fact{71, "sha256:abc"}, Fact{0, ""}, Fact{3, " \n "}}) {
    const auto read = parse_fact(print_fact(fact));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->size, fact.size);
    EXPECT_EQ(read->content, fact.content);
  }
  for (const char* odd : {"", "-", "+", "+x", "5", "+5x", "+-1", "+99999999999999999999"}) {
    EXPECT_FALSE(parse_fact(odd)) << odd;
  }
}

}  // namespace
}  // namespace bunker::cache::redis
