#include "registryd/api/request_metrics.h"

#include <algorithm>
#include <string>
#include <vector>

#include "registryd/api/routes.h"

namespace bunker::api {
namespace {

// As Prometheus's Go client writes methods.
std::string method_label(http::Method method) {
  switch (method) {
    case http::Method::get:
      return "get";
    case http::Method::head:
      return "head";
    case http::Method::post:
      return "post";
    case http::Method::put:
      return "put";
    case http::Method::patch:
      return "patch";
    case http::Method::del:
      return "delete";
    case http::Method::options:
      return "options";
    case http::Method::other:
      return "unknown";
  }
  return "unknown";
}

std::vector<double> duration_buckets() {
  return {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60};
}

// 1 KiB to 2 GiB, each twice the one before.
std::vector<double> size_buckets() {
  std::vector<double> buckets;
  for (double size = 1024; buckets.size() < 22; size *= 2) buckets.push_back(size);
  return buckets;
}

std::string handler_label(Resource resource) {
  return std::string(metrics_name(resource));
}

std::size_t index_of(http::Method method) {
  return static_cast<std::size_t>(method);
}

}  // namespace

RequestMetrics::RequestMetrics(Metrics& metrics) : metrics_(metrics) {
  for (std::size_t i = 0; i < kResources; ++i) {
    const Labels labels = {{"handler", handler_label(static_cast<Resource>(i))}};
    rows_[i].in_flight = &metrics.gauge("registry_http_in_flight_requests",
                                        "Requests that are being answered.", labels);
    rows_[i].request_size =
        &metrics.histogram("registry_http_request_size_bytes",
                           "Sizes of requests, heads and bodies.", size_buckets(), labels);
    rows_[i].response_size = &metrics.histogram(
        "registry_http_response_size_bytes", "Sizes of response bodies.", size_buckets(), labels);
  }
}

RequestMetrics::PerResource& RequestMetrics::row(Resource resource) noexcept {
  return rows_[static_cast<std::size_t>(resource)];
}

Histogram& RequestMetrics::duration(Resource resource, http::Method method) {
  std::atomic<Histogram*>& slot = row(resource).methods[index_of(method)].duration;
  Histogram* handle = slot.load(std::memory_order_acquire);
  if (handle == nullptr) {
    handle = &metrics_.histogram(
        "registry_http_request_duration_seconds",
        "Time from a request's head to the end of its answer.", duration_buckets(),
        {{"handler", handler_label(resource)}, {"method", method_label(method)}});
    slot.store(handle, std::memory_order_release);
  }
  return *handle;
}

Counter& RequestMetrics::find_requests(Resource resource, http::Method method, int status) {
  return metrics_.counter("registry_http_requests_total", "Requests answered.",
                          {{"handler", handler_label(resource)},
                           {"code", std::to_string(status)},
                           {"method", method_label(method)}});
}

Counter& RequestMetrics::requests(Resource resource, http::Method method, int status) {
  const auto* const known = std::ranges::find(kStatuses, status);
  if (known == kStatuses.end()) return find_requests(resource, method, status);
  const auto index = static_cast<std::size_t>(known - kStatuses.begin());
  std::atomic<Counter*>& slot = row(resource).methods[index_of(method)].requests[index];
  Counter* handle = slot.load(std::memory_order_acquire);
  if (handle == nullptr) {
    handle = &find_requests(resource, method, status);
    slot.store(handle, std::memory_order_release);
  }
  return *handle;
}

void RequestMetrics::count(const Finished& request) {
  requests(request.resource, request.method, request.status).add();
  duration(request.resource, request.method)
      .observe(std::chrono::duration<double>(request.duration).count());
  row(request.resource).request_size->observe(static_cast<double>(request.request_bytes));
  row(request.resource).response_size->observe(static_cast<double>(request.response_bytes));
}

RequestMetrics::InFlight::InFlight(RequestMetrics& metrics, Resource resource)
    : gauge_(metrics.row(resource).in_flight) {
  gauge_->add(1);
}

RequestMetrics::InFlight::~InFlight() {
  if (gauge_ != nullptr) gauge_->add(-1);
}

}  // namespace bunker::api
