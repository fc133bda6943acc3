// HttpFetcher over the HTTP client. Thread-safe. Owner: the composition root.
#pragma once

#include "lib/http/client.h"
#include "registryd/storage/s3/credential_sources.h"

namespace bunker::storage::s3 {

class ClientFetcher final : public HttpFetcher {
 public:
  // `dialer` outlives the fetcher.
  explicit ClientFetcher(net::Dialer& dialer) : client_(dialer) {}
  Task<Result<FetchReply>> fetch(FetchRequest request, SteadyTime deadline) override;

 private:
  http::Client client_;
};

}  // namespace bunker::storage::s3
