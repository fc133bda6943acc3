#include "lib/net/session_cache.h"

#include <cstring>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace bunker::net {
namespace {

class TestClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return now_; }
  SystemTime now_ = SystemClock().now();
};

// What OpenSSL does with the cache, in OpenSSL's terms.
class SessionCacheTest : public ::testing::Test {
 protected:
  using SslOwner = crypto::Owned<SSL, SSL_free>;

  explicit SessionCacheTest() : context_(SSL_CTX_new(TLS_server_method())) {
    cache_.install(context_.get(), std::string(32, 't'));
    ssl_.reset(SSL_new(context_.get()));
  }

  static std::array<unsigned char, 32> id_of(unsigned number) {
    std::array<unsigned char, 32> id{};
    std::memcpy(id.data(), &number, sizeof(number));
    std::memcpy(id.data() + 8, &number, sizeof(number));
    return id;
  }

  void add(unsigned number, long seconds = 300) {
    SSL_SESSION* session = SSL_SESSION_new();
    const auto id = id_of(number);
    SSL_SESSION_set1_id(session, id.data(), id.size());
    SSL_SESSION_set_timeout(session, seconds);
    SSL_CTX_sess_get_new_cb(context_.get())(ssl_.get(), session);
  }

  bool has(unsigned number) {
    int copy = 1;
    const auto id = id_of(number);
    SSL_SESSION* found = SSL_CTX_sess_get_get_cb(context_.get())(ssl_.get(), id.data(), 32, &copy);
    EXPECT_EQ(copy, 0);
    SSL_SESSION_free(found);
    return found != nullptr;
  }

  TestClock clock_;
  SessionCache cache_{clock_, 64};
  SslContextPtr context_;
  SslOwner ssl_;
};

TEST_F(SessionCacheTest, KeepsTheNewestAndNoMoreThanItsLimit) {
  for (unsigned number = 0; number < 1000; ++number) add(number);
  EXPECT_EQ(cache_.size(), 64U);
  EXPECT_FALSE(has(0));
  for (unsigned number = 936; number < 1000; ++number) EXPECT_TRUE(has(number)) << number;
}

TEST_F(SessionCacheTest, ASessionReplacesItsNamesake) {
  add(7);
  add(7);
  EXPECT_EQ(cache_.size(), 1U);
  EXPECT_TRUE(has(7));
}

TEST_F(SessionCacheTest, SessionsEnd) {
  add(1, 300);
  add(2, 0);  // its client's certificate has ended already
  EXPECT_FALSE(has(2));
  clock_.now_ += std::chrono::seconds(299);
  EXPECT_TRUE(has(1));
  clock_.now_ += std::chrono::seconds(1);
  EXPECT_FALSE(has(1));
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(SessionCacheTest, ForgetsWhatItIsTold) {
  add(1);
  add(2);
  SSL_SESSION* session = SSL_SESSION_new();
  const auto id = id_of(1);
  SSL_SESSION_set1_id(session, id.data(), id.size());
  SSL_CTX_sess_get_remove_cb(context_.get())(context_.get(), session);
  SSL_SESSION_free(session);
  EXPECT_FALSE(has(1));
  EXPECT_TRUE(has(2));
  cache_.clear();
  EXPECT_FALSE(has(2));
}

TEST_F(SessionCacheTest, NamesOfAnotherLengthAreUnknown) {
  add(1);
  int copy = 1;
  const auto id = id_of(1);
  EXPECT_EQ(SSL_CTX_sess_get_get_cb(context_.get())(ssl_.get(), id.data(), 31, &copy), nullptr);
  EXPECT_EQ(SSL_CTX_sess_get_get_cb(context_.get())(ssl_.get(), id.data(), 0, &copy), nullptr);
}

TEST_F(SessionCacheTest, ManyThreadsMayUseIt) {
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (unsigned turn = 0; turn < 2000; ++turn) {
        add(turn % 97 + thread);
        has(turn % 89);
        if (turn % 500 == 0) cache_.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache_.size(), 64U);
}

}  // namespace
}  // namespace bunker::net
