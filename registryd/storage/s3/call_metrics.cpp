#include "registryd/storage/s3/call_metrics.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace bunker::storage::s3 {
namespace {

constexpr std::array<std::string_view, 13> kOperations = {
    "HeadObject",          "GetObject",      "PutObject",
    "CopyObject",          "DeleteObject",   "DeleteObjects",
    "ListObjectsV2",       "ListObjects",    "CreateMultipartUpload",
    "UploadPart",          "UploadPartCopy", "CompleteMultipartUpload",
    "AbortMultipartUpload"};

std::vector<double> buckets() {
  return {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30};
}

}  // namespace

CallMetrics::CallMetrics(Metrics& metrics) : metrics_(metrics) {
  operations_.reserve(kOperations.size());
  for (const std::string_view name : kOperations) {
    auto operation = std::make_unique<Operation>();
    const Labels labels = {{"operation", std::string(name)}};
    operation->name = name;
    operation->seconds = &metrics.histogram(
        "bunker_s3_call_seconds", "Time until a call to S3 was answered.", buckets(), labels);
    operation->retries = &metrics.counter("bunker_s3_retries_total",
                                          "Attempts at a call to S3 after the first.", labels);
    operations_.push_back(std::move(operation));
  }
}

void CallMetrics::record(const CallRecord& call) {
  const auto it = std::ranges::find_if(
      operations_, [&call](const auto& operation) { return operation->name == call.operation; });
  if (it == operations_.end()) return;
  Operation& operation = **it;
  operation.seconds->observe(std::chrono::duration<double>(call.duration).count());
  if (call.attempt > 1) operation.retries->add();
  auto& counter = operation.outcomes[static_cast<std::size_t>(call.outcome)];
  Counter* count = counter.load(std::memory_order_acquire);
  if (count == nullptr) {
    // Whoever comes at the same time gets the same one.
    count =
        &metrics_.counter("bunker_s3_calls_total", "Attempts at calls to S3, by what came of them.",
                          {{"operation", std::string(operation.name)},
                           {"outcome", std::string(to_string(call.outcome))}});
    counter.store(count, std::memory_order_release);
  }
  count->add();
}

}  // namespace bunker::storage::s3
