#include "registryd/storage/s3/retry.h"

#include <gtest/gtest.h>

namespace bunker::storage::s3 {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr SteadyTime kStart{seconds(1000)};

TEST(Classify, TheStoresWordCountsMoreThanTheStatus) {
  EXPECT_EQ(classify(200, ""), Outcome::done);
  EXPECT_EQ(classify(206, ""), Outcome::done);
  EXPECT_EQ(classify(204, ""), Outcome::done);
  EXPECT_EQ(classify(200, "InternalError"), Outcome::retry);
  EXPECT_EQ(classify(404, ""), Outcome::not_found);
  EXPECT_EQ(classify(404, "NoSuchKey"), Outcome::not_found);
  EXPECT_EQ(classify(404, "NoSuchBucket"), Outcome::refused);
  EXPECT_EQ(classify(404, "NoSuchUpload"), Outcome::no_such_upload);
  EXPECT_EQ(classify(400, "ExpiredToken"), Outcome::renew_credentials);
  EXPECT_EQ(classify(403, "RequestTimeTooSkewed"), Outcome::set_clock);
  EXPECT_EQ(classify(400, "RequestTimeout"), Outcome::retry);
  EXPECT_EQ(classify(503, "SlowDown"), Outcome::slow_down);
  EXPECT_EQ(classify(503, "ServiceUnavailable"), Outcome::retry);
}

TEST(Classify, StatusesWithoutAWord) {
  EXPECT_EQ(classify(403, ""), Outcome::refused);
  EXPECT_EQ(classify(301, ""), Outcome::refused);
  EXPECT_EQ(classify(412, ""), Outcome::changed);
  EXPECT_EQ(classify(416, ""), Outcome::out_of_range);
  EXPECT_EQ(classify(429, ""), Outcome::slow_down);
  EXPECT_EQ(classify(503, ""), Outcome::slow_down);
  EXPECT_EQ(classify(500, ""), Outcome::retry);
  EXPECT_EQ(classify(502, "WhatIsThis"), Outcome::retry);
  EXPECT_EQ(classify(501, ""), Outcome::unsupported);
  EXPECT_EQ(classify(405, "MethodNotAllowed"), Outcome::unsupported);
  EXPECT_EQ(classify(400, ""), Outcome::failed);
  EXPECT_EQ(classify(400, "WhatIsThis"), Outcome::failed);
}

TEST(MakeError, TellsWhatToDo) {
  const Error refused = make_error(Outcome::refused, "GetObject", "a/b", 403,
                                   {"AccessDenied", "no", ""}, "bucket b at https://host");
  EXPECT_EQ(to_string(refused),
            "forbidden: S3 GetObject of a/b answered 403 AccessDenied: no (the credentials must "
            "allow GetObject on bucket b at https://host)");
  EXPECT_EQ(make_error(Outcome::refused, "GetObject", "k", 301,
                       {"PermanentRedirect", "", "eu-west-1"}, "bucket b")
                .detail,
            "the bucket is in region eu-west-1: bucket b");
  EXPECT_EQ(make_error(Outcome::bad_part, "o", "k", 400, {}, "").code, Code::conflict);
  EXPECT_EQ(make_error(Outcome::no_such_upload, "o", "k", 404, {}, "").code, Code::not_found);
  EXPECT_EQ(make_error(Outcome::slow_down, "o", "k", 503, {}, "").code, Code::retry_later);
}

TEST(Retries, WaitLongerAndLongerWithinBounds) {
  const RetryPolicy policy{.attempts = 10, .base = milliseconds(10), .cap = milliseconds(200)};
  for (const double chance : {0.0, 0.5, 0.999}) {
    Retries retries(policy);
    nanoseconds previous{0};
    for (int i = 0; i < 9; ++i) {
      const auto delay = retries.next(Outcome::retry, kStart, SteadyTime::max(), chance);
      ASSERT_TRUE(delay);
      EXPECT_GE(*delay, milliseconds(10));
      EXPECT_LE(*delay, std::max(nanoseconds(milliseconds(30)), previous * 3));
      EXPECT_LE(*delay, milliseconds(200));
      previous = *delay;
    }
    EXPECT_FALSE(retries.next(Outcome::retry, kStart, SteadyTime::max(), chance));
    EXPECT_EQ(retries.attempts(), 10U);
  }
}

TEST(Retries, GiveUpRatherThanWaitBeyondTheDeadline) {
  Retries retries({.attempts = 5, .base = milliseconds(100), .cap = seconds(1)});
  EXPECT_TRUE(retries.next(Outcome::retry, kStart, kStart + milliseconds(101), 0));
  EXPECT_FALSE(retries.next(Outcome::retry, kStart, kStart + milliseconds(100), 0));
  EXPECT_FALSE(retries.next(Outcome::renew_credentials, kStart, kStart, 0));
}

TEST(Retries, FreshCredentialsAndTheRightTimeNeedNoWait) {
  Retries retries(RetryPolicy{});
  EXPECT_EQ(retries.next(Outcome::renew_credentials, kStart, SteadyTime::max(), 0.9),
            nanoseconds(0));
  EXPECT_EQ(retries.next(Outcome::set_clock, kStart, SteadyTime::max(), 0.9), nanoseconds(0));
}

TEST(RetryBudget, IsSpentByAnOutageAndRefilledBySuccess) {
  RetryBudget budget;
  int taken = 0;
  while (budget.take()) ++taken;
  EXPECT_EQ(taken, 400);
  EXPECT_FALSE(budget.take());
  for (int i = 0; i < 3; ++i) budget.refill();
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  for (int i = 0; i < 10'000; ++i) budget.refill();
  taken = 0;
  while (budget.take()) ++taken;
  EXPECT_EQ(taken, 400);
}

// Sends as fast as it may for `duration`; the store refuses what is over `capacity` a second.
struct Simulation {
  AdaptiveRate rate;
  SteadyTime now = kStart;

  // Calls sent, and calls refused.
  std::pair<unsigned, unsigned> run(seconds duration, double offered, double capacity) {
    const SteadyTime end = now + duration;
    unsigned sent = 0;
    unsigned refused = 0;
    double allowance = 0;
    while (now < end) {
      const nanoseconds wait = rate.reserve(now);
      const auto step = std::max(wait, nanoseconds(static_cast<long>(1e9 / offered)));
      now += step;
      allowance = std::min(capacity / 10, allowance + capacity * 1e-9 * double(step.count()));
      ++sent;
      const bool throttled = allowance < 1;
      if (throttled) ++refused;
      if (!throttled) allowance -= 1;
      rate.answered(throttled, now);
    }
    return {sent, refused};
  }
};

TEST(AdaptiveRate, LetsEverythingThroughUntilTheStoreComplains) {
  Simulation simulation;
  EXPECT_EQ(simulation.run(seconds(2), 1000, 1e9).first, 2000U);
}

TEST(AdaptiveRate, FindsTheRateThatTheStorePutsUpWith) {
  Simulation simulation;
  simulation.run(seconds(20), 1000, 100);
  const auto [sent, refused] = simulation.run(seconds(60), 1000, 100);
  EXPECT_GT(sent - refused, 60U * 60);  // at least 60 % of what the store can do
  EXPECT_LT(refused, sent / 10);
}

TEST(AdaptiveRate, RisesAgainWhenTheStoreRecovers) {
  Simulation simulation;
  simulation.run(seconds(10), 1000, 50);
  simulation.run(seconds(60), 1000, 1e9);
  EXPECT_GT(simulation.run(seconds(1), 1000, 1e9).first, 900U);
}

}  // namespace
}  // namespace bunker::storage::s3
