#include "registryd/backend.h"

#include <cstdlib>
#include <utility>

#include "lib/net/dialer.h"
#include "lib/net/tls_client.h"
#include "registryd/storage/filesystem/filesystem_store.h"
#include "registryd/storage/memory/memory_store.h"
#include "registryd/storage/s3/call_metrics.h"
#include "registryd/storage/s3/credentials.h"
#include "registryd/storage/s3/http_fetcher.h"
#include "registryd/storage/s3/s3_store.h"

namespace bunker {
namespace {

namespace s3 = storage::s3;

class LocalBackend final : public Backend {
 public:
  explicit LocalBackend(std::unique_ptr<storage::ObjectStore> store) : store_(std::move(store)) {}
  [[nodiscard]] storage::ObjectStore& store() noexcept override { return *store_; }

 private:
  std::unique_ptr<storage::ObjectStore> store_;
};

std::optional<bool> signs_payloads(config::PayloadSigning choice) {
  if (choice == config::PayloadSigning::automatic) return std::nullopt;
  return choice == config::PayloadSigning::always;
}

s3::Settings s3_settings(const config::Config& whole) {
  const config::S3& config = *whole.storage.s3;
  s3::Settings settings;
  settings.region = config.region;
  settings.endpoint = config.endpoint;
  settings.redirect_endpoint = config.redirect_endpoint;
  settings.force_path_style = config.force_path_style;
  settings.bucket = config.bucket;
  settings.root_directory = config.root_directory;
  settings.secure = config.secure;
  settings.skip_verify = config.skip_verify;
  settings.dual_stack = config.dual_stack;
  settings.accelerate = config.accelerate;
  settings.fips_endpoint = config.fips_endpoint;
  settings.encrypt = config.encrypt;
  settings.key_id = config.key_id;
  settings.storage_class = config.storage_class;
  settings.object_acl = config.object_acl;
  settings.user_agent = config.user_agent;
  settings.chunk_bytes = config.chunk_bytes;
  settings.copy_chunk_bytes = config.copy_chunk_bytes;
  settings.copy_concurrency = static_cast<unsigned>(config.copy_concurrency);
  settings.copy_threshold_bytes = config.copy_threshold_bytes;
  settings.sign_payloads = signs_payloads(whole.bunker.s3_payload_signing);
  settings.redirect_disabled = whole.storage.redirect_disabled;
  return settings;
}

s3::SourceOptions s3_keys(const config::S3& config) {
  s3::SourceOptions keys;
  keys.access_key = config.access_key;
  keys.secret_key = config.secret_key;
  keys.region = config.region;
  return keys;
}

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

class S3Backend final : public Backend {
 public:
  S3Backend(const config::S3& config, std::unique_ptr<net::TlsClient> tls,
            std::unique_ptr<net::TlsClient> metadata_tls, BlockingPool& pool, const Clock& clock,
            Metrics& metrics)
      : tls_(std::move(tls)),
        credentials_tls_(std::move(metadata_tls)),
        dialer_(pool, tls_.get()),
        credentials_dialer_(pool, credentials_tls_.get()),
        fetcher_(credentials_dialer_),
        credentials_(s3::make_sources(s3_keys(config), environment, fetcher_), clock),
        clock_(clock),
        call_metrics_(metrics) {}

  [[nodiscard]] Result<void> open(s3::Settings settings) {
    s3::StoreOptions options;
    options.settings = std::move(settings);
    options.observer = [this](const s3::CallRecord& call) { call_metrics_.record(call); };
    BUNKER_TRY_ASSIGN(store_,
                      s3::make_s3_store(std::move(options), {dialer_, credentials_, clock_}));
    return {};
  }

  [[nodiscard]] storage::ObjectStore& store() noexcept override { return *store_; }

 private:
  std::unique_ptr<net::TlsClient> tls_;
  // skipverify is for the store alone, never for those who hand out credentials.
  std::unique_ptr<net::TlsClient> credentials_tls_;
  net::SocketDialer dialer_;
  net::SocketDialer credentials_dialer_;
  s3::ClientFetcher fetcher_;
  s3::CredentialKeeper credentials_;
  const Clock& clock_;
  s3::CallMetrics call_metrics_;
  std::unique_ptr<storage::ObjectStore> store_;
};

Result<std::unique_ptr<Backend>> open_s3(const config::Config& config, BlockingPool& pool,
                                         const Clock& clock, Metrics& metrics) {
  const config::S3& keys = *config.storage.s3;
  net::TlsClientOptions tls_options;
  BUNKER_TRY_ASSIGN(auto credentials_tls, net::TlsClient::create(tls_options));
  tls_options.skip_verify = keys.skip_verify;
  BUNKER_TRY_ASSIGN(auto tls, net::TlsClient::create(tls_options));
  auto backend = std::make_unique<S3Backend>(keys, std::move(tls), std::move(credentials_tls), pool,
                                             clock, metrics);
  BUNKER_TRY(backend->open(s3_settings(config)));
  return backend;
}

}  // namespace

Result<std::unique_ptr<Backend>> open_backend(const config::Config& config, BlockingPool& pool,
                                              const Clock& clock, Metrics& metrics) {
  const config::Storage& storage = config.storage;
  if (storage.s3) return open_s3(config, pool, clock, metrics);
  if (storage.filesystem) {
    storage::FilesystemOptions options;
    options.root = storage.filesystem->root_directory;
    options.pool = &pool;
    BUNKER_TRY_ASSIGN(auto store, storage::open_filesystem_store(options));
    return std::make_unique<LocalBackend>(std::move(store));
  }
  return std::make_unique<LocalBackend>(storage::make_memory_store());
}

}  // namespace bunker
