// distribution's registry_http_* metrics. Handles are looked up once and kept, so that counting a
// request takes no lock and no allocation. Thread-safe; outlives the requests that it counts.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "lib/http/message.h"
#include "lib/observability/metrics.h"
#include "registryd/api/path.h"

namespace bunker::api {

class RequestMetrics {
 public:
  explicit RequestMetrics(Metrics& metrics);

  struct Finished {
    Resource resource = Resource::unknown;
    http::Method method = http::Method::other;
    int status = 0;
    std::chrono::nanoseconds duration{0};
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
  };
  void count(const Finished& request);

  // One request in flight for as long as it lives.
  class InFlight {
   public:
    InFlight(RequestMetrics& metrics, Resource resource);
    ~InFlight();
    InFlight(InFlight&& other) noexcept : gauge_(std::exchange(other.gauge_, nullptr)) {}
    InFlight& operator=(InFlight&&) = delete;

   private:
    Gauge* gauge_;
  };

 private:
  static constexpr std::size_t kMethods = static_cast<std::size_t>(http::Method::other) + 1;
  // The statuses that the API answers with; any other is looked up each time.
  static constexpr std::array kStatuses = {200, 201, 202, 204, 206, 304, 400, 401, 403,
                                           404, 405, 409, 413, 416, 429, 499, 500, 503};

  // Series that differ by method or status are made when they first happen, so that the exposition
  // holds none that never did.
  struct PerMethod {
    std::atomic<Histogram*> duration = nullptr;
    std::array<std::atomic<Counter*>, kStatuses.size()> requests{};
  };
  struct PerResource {
    Gauge* in_flight = nullptr;
    Histogram* request_size = nullptr;
    Histogram* response_size = nullptr;
    std::array<PerMethod, kMethods> methods;
  };

  PerResource& row(Resource resource) noexcept;
  Histogram& duration(Resource resource, http::Method method);
  Counter& requests(Resource resource, http::Method method, int status);
  Counter& find_requests(Resource resource, http::Method method, int status);

  Metrics& metrics_;
  std::array<PerResource, kResources> rows_;
};

}  // namespace bunker::api
