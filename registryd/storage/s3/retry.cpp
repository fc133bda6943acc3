#include "registryd/storage/s3/retry.h"

#include <algorithm>
#include <cmath>

namespace bunker::storage::s3 {
namespace {

using std::chrono::nanoseconds;
using Seconds = std::chrono::duration<double>;

double seconds_between(SteadyTime from, SteadyTime to) {
  return Seconds(to - from).count();
}

nanoseconds to_duration(double seconds) {
  return std::chrono::duration_cast<nanoseconds>(Seconds(seconds));
}

}  // namespace

std::optional<nanoseconds> Retries::next(Outcome outcome, SteadyTime now, SteadyTime deadline,
                                         double chance) {
  if (attempts_ >= policy_.attempts) return std::nullopt;
  ++attempts_;
  nanoseconds delay{0};
  if (outcome == Outcome::retry || outcome == Outcome::slow_down) {
    const nanoseconds base = outcome == Outcome::slow_down ? policy_.base * 4 : policy_.base;
    const nanoseconds highest = std::max(base * 3, previous_ * 3);
    const double spread = static_cast<double>((highest - base).count()) * chance;
    delay = std::min(policy_.cap, base + nanoseconds(static_cast<std::int64_t>(spread)));
    previous_ = delay;
  }
  if (deadline - now <= delay) return std::nullopt;
  return delay;
}

bool RetryBudget::take() noexcept {
  int tokens = tokens_.load(std::memory_order_relaxed);
  while (tokens >= kPrice) {
    if (tokens_.compare_exchange_weak(tokens, tokens - kPrice, std::memory_order_relaxed))
      return true;
  }
  return false;
}

void RetryBudget::refill() noexcept {
  int tokens = tokens_.load(std::memory_order_relaxed);
  while (tokens < kCapacity) {
    if (tokens_.compare_exchange_weak(tokens, std::min(kCapacity, tokens + kRefill),
                                      std::memory_order_relaxed)) {
      return;
    }
  }
}

nanoseconds AdaptiveRate::reserve(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  measure(now);
  if (!limiting_) return nanoseconds(0);
  if (now - cut_at_ > kForgetAfter) {
    limiting_ = false;
    return nanoseconds(0);
  }
  const SteadyTime slot = std::max(now, next_slot_);
  next_slot_ = slot + to_duration(1 / rate_);
  return slot - now;
}

void AdaptiveRate::answered(bool throttled, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (throttled) {
    // Answers to calls that went out before the last cut say nothing about the rate since.
    if (limiting_ && seconds_between(cut_at_, now) < 0.5) return;
    const double sent = std::max(
        {measured_, window_calls_ / std::max(seconds_between(window_start_, now), 0.5), kLowest});
    highest_ = limiting_ ? std::min(rate_, sent) : sent;
    rate_ = std::max(highest_ * kCut, kLowest);
    cut_at_ = now;
    limiting_ = true;
    return;
  }
  if (!limiting_) return;
  const double plateau = std::cbrt(highest_ * (1 - kCut) / kScale);
  const double raised = kScale * std::pow(seconds_between(cut_at_, now) - plateau, 3) + highest_;
  rate_ = std::max(rate_, raised);
}

void AdaptiveRate::measure(SteadyTime now) {
  if (window_start_ == SteadyTime()) window_start_ = now;
  ++window_calls_;
  const double elapsed = seconds_between(window_start_, now);
  if (elapsed < 0.5) return;
  const double rate = window_calls_ / elapsed;
  measured_ = elapsed > 5 ? rate : 0.8 * rate + 0.2 * measured_;
  window_calls_ = 0;
  window_start_ = now;
}

}  // namespace bunker::storage::s3
