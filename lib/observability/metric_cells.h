// The values behind the handles of metrics.h. Private to lib/observability.
//
// prometheus-cpp's histogram takes a mutex for every observation and its counters are one shared
// cache line; here each CPU adds to its own line and a scrape sums them up. Thread-safe; no locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <prometheus/client_metric.h>

#include "lib/observability/metrics.h"

namespace bunker {

// How many lines a value is spread over: a power of two, about one a CPU, at most 16.
[[nodiscard]] std::size_t shard_count() noexcept;

// A value that a scrape can read.
class Cell {
 public:
  virtual ~Cell() = default;
  [[nodiscard]] virtual prometheus::ClientMetric collect() const = 0;
};

class CounterCell final : public Counter, public Cell {
 public:
  explicit CounterCell(std::size_t shards) : shards_(shards) {}
  void add(double amount) override;
  [[nodiscard]] prometheus::ClientMetric collect() const override;

 private:
  struct alignas(64) Shard {
    std::atomic<double> value{0};
  };
  std::vector<Shard> shards_;
};

class GaugeCell final : public Gauge, public Cell {
 public:
  void set(double value) override { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) override { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] prometheus::ClientMetric collect() const override;

 private:
  std::atomic<double> value_{0};
};

class HistogramCell final : public Histogram, public Cell {
 public:
  // `bounds`: the buckets' inclusive upper ends, ascending, without +Inf.
  HistogramCell(std::vector<double> bounds, std::size_t shards);
  void observe(double value) override;
  [[nodiscard]] prometheus::ClientMetric collect() const override;

 private:
  // One shard's part of `slots_`: the sum, then a count a bucket, padded to whole cache lines.
  struct Slot {
    std::atomic<std::uint64_t> bits{0};
  };
  const std::vector<double> bounds_;
  const std::size_t shards_;
  const std::size_t stride_;
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace bunker
