// The Client that talks to a real API server, over a Transport: authenticates, retries, times and
// counts requests. Metrics have client-go's names: rest_client_requests_total,
// rest_client_request_duration_seconds, rest_client_request_retries_total.
// Thread rule: as Client. Owner: the composition root.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/kube/client.h"
#include "lib/kube/credentials.h"
#include "lib/kube/kubeconfig.h"
#include "lib/kube/retry.h"
#include "lib/kube/transport.h"
#include "lib/observability/metrics.h"

namespace bunker::kube {

class RestClient final : public Client {
 public:
  struct Options {
    std::string host;  // for metrics
    RetryPolicy retry;
    std::chrono::milliseconds timeout{30'000};  // of a request, without progress
    // When asked for, requests and pauses end at once with Code::cancelled.
    std::stop_token stop;
  };

  // `credentials` may be shared with the transport. `metrics` outlives the client.
  RestClient(std::unique_ptr<Transport> transport, std::shared_ptr<Credentials> credentials,
             Options options, Metrics& metrics);
  ~RestClient() override;

  Result<Object> get(const Resource& resource, const ObjectKey& key) override;
  Result<std::string> list(const Resource& resource, const ListOptions& options,
                           const std::function<void(Object)>& each) override;
  Result<void> watch(const Resource& resource, const WatchOptions& options, std::stop_token stop,
                     const std::function<void(WatchEvent)>& each) override;
  Result<Object> create(const Resource& resource, const Object& object) override;
  Result<Object> replace(const Resource& resource, const Object& object) override;
  Result<Object> apply(const Resource& resource, const Object& object,
                       const ApplyOptions& options) override;
  Result<Object> merge(const Resource& resource, const ObjectKey& key,
                       const Object& patch) override;
  Result<void> remove(const Resource& resource, const ObjectKey& key,
                      const Preconditions& preconditions) override;
  Result<std::vector<Resource>> discover(std::string_view group, std::string_view version) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A RestClient on cpprestsdk. `clock` and `metrics` outlive it. invalid: `connection.server` is no
// URL.
[[nodiscard]] Result<std::unique_ptr<Client>> connect(const ConnectionOptions& connection,
                                                      RestClient::Options options,
                                                      const Clock& clock, Metrics& metrics);

}  // namespace bunker::kube
