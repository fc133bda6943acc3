// Counts the calls to S3, for dashboards and alerts. Thread-safe; lock-free but for the first call
// of a kind. Owner: the composition root; handed to the store as its CallObserver.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/observability/metrics.h"
#include "registryd/storage/s3/client.h"

namespace bunker::storage::s3 {

// bunker_s3_calls_total{operation,outcome}: every attempt, by what came of it.
// bunker_s3_call_seconds{operation}: how long each took to be answered.
// bunker_s3_retries_total{operation}: attempts after the first.
class CallMetrics {
 public:
  // `metrics` outlives this.
  explicit CallMetrics(Metrics& metrics);

  void record(const CallRecord& call);

 private:
  static constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::failed) + 1;
  struct Operation {
    std::string_view name;
    Histogram* seconds = nullptr;
    Counter* retries = nullptr;
    std::array<std::atomic<Counter*>, kOutcomes> outcomes{};  // made when they first occur
  };

  Metrics& metrics_;
  std::vector<std::unique_ptr<Operation>> operations_;
};

}  // namespace bunker::storage::s3
