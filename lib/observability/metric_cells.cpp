#include "lib/observability/metric_cells.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <thread>

#include <sched.h>

namespace bunker {
namespace {

constexpr std::size_t kLine = 64;

// The running CPU's shard. Being moved to another CPU meanwhile costs speed, not correctness.
std::size_t current_shard(std::size_t shards) noexcept {
  return static_cast<unsigned>(::sched_getcpu()) & (shards - 1);
}

}  // namespace

std::size_t shard_count() noexcept {
  return std::bit_ceil(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 16));
}

void CounterCell::add(double amount) {
  if (!(amount > 0)) return;
  shards_[current_shard(shards_.size())].value.fetch_add(amount, std::memory_order_relaxed);
}

prometheus::ClientMetric CounterCell::collect() const {
  prometheus::ClientMetric out;
  for (const Shard& shard : shards_) {
    out.counter.value += shard.value.load(std::memory_order_relaxed);
  }
  return out;
}

prometheus::ClientMetric GaugeCell::collect() const {
  prometheus::ClientMetric out;
  out.gauge.value = value_.load(std::memory_order_relaxed);
  return out;
}

HistogramCell::HistogramCell(std::vector<double> bounds, std::size_t shards)
    : bounds_(std::move(bounds)),
      shards_(shards),
      stride_((bounds_.size() + 2 + kLine / sizeof(Slot) - 1) / (kLine / sizeof(Slot)) *
              (kLine / sizeof(Slot))),
      slots_(std::make_unique<Slot[]>(shards_ * stride_)) {}

void HistogramCell::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  Slot* shard = slots_.get() + current_shard(shards_) * stride_;
  shard[1 + bucket].bits.fetch_add(1, std::memory_order_relaxed);
  auto& sum = shard[0].bits;
  std::uint64_t seen = sum.load(std::memory_order_relaxed);
  while (!sum.compare_exchange_weak(
      seen, std::bit_cast<std::uint64_t>(std::bit_cast<double>(seen) + value),
      std::memory_order_relaxed)) {
  }
}

prometheus::ClientMetric HistogramCell::collect() const {
  prometheus::ClientMetric out;
  auto& histogram = out.histogram;
  histogram.bucket.resize(bounds_.size() + 1);
  for (std::size_t bucket = 0; bucket <= bounds_.size(); ++bucket) {
    for (std::size_t shard = 0; shard < shards_; ++shard) {
      histogram.sample_count +=
          slots_[shard * stride_ + 1 + bucket].bits.load(std::memory_order_relaxed);
    }
    histogram.bucket[bucket] = {.cumulative_count = histogram.sample_count,
                                .upper_bound = bucket < bounds_.size()
                                                   ? bounds_[bucket]
                                                   : std::numeric_limits<double>::infinity()};
  }
  for (std::size_t shard = 0; shard < shards_; ++shard) {
    histogram.sample_sum +=
        std::bit_cast<double>(slots_[shard * stride_].bits.load(std::memory_order_relaxed));
  }
  return out;
}

}  // namespace bunker
