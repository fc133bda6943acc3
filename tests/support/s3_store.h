// An S3 store with all that it stands on, for tests. Destroy it before the server that it talks to.
#pragma once

#include <memory>
#include <utility>

#include "lib/net/dialer.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/storage/s3/credentials.h"
#include "registryd/storage/s3/http_fetcher.h"
#include "registryd/storage/s3/s3_store.h"

namespace bunker::test {

class S3StoreStack {
 public:
  S3StoreStack(storage::s3::StoreOptions options, const storage::s3::SourceOptions& keys)
      : credentials_(storage::s3::make_sources(
                         keys, [](const char*) { return std::string(); }, fetcher_),
                     clock_),
        store_(storage::s3::make_s3_store(std::move(options), {dialer_, credentials_, clock_})
                   .value()) {}

  [[nodiscard]] storage::ObjectStore& store() { return *store_; }

 private:
  SystemClock clock_;
  BlockingPool pool_{1};
  net::SocketDialer dialer_{pool_, nullptr};
  storage::s3::ClientFetcher fetcher_{dialer_};
  storage::s3::CredentialKeeper credentials_;
  std::unique_ptr<storage::ObjectStore> store_;
};

}  // namespace bunker::test
