#include "registryd/caching.h"

#include <algorithm>
#include <utility>

#include "lib/net/address.h"
#include "lib/net/dialer.h"
#include "lib/net/tls_client.h"
#include "registryd/cache/disk/disk_store.h"
#include "registryd/cache/redis_facts.h"

namespace bunker {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestDial{5000};
constexpr milliseconds kLongestReply{500};

// A duration of redis:, where 0 is the default and negative is no limit.
milliseconds bounded(config::Duration wanted, milliseconds otherwise, milliseconds most) {
  if (wanted.count() == 0) return otherwise;
  if (wanted.count() < 0) return most;
  return std::clamp(std::chrono::duration_cast<milliseconds>(wanted), milliseconds(1), most);
}

Result<net::Destination> redis_address(const std::string& address, bool tls) {
  if (address.starts_with('/')) return net::Destination(address, 0, false);
  BUNKER_TRY_ASSIGN(auto parts, net::split_host_port(address));
  return net::Destination(std::move(parts.host), parts.port, tls);
}

Result<cache::redis::Settings> redis_settings(const config::Redis& redis) {
  using Mode = cache::redis::Settings::Mode;
  cache::redis::Settings settings;
  if (!redis.master_name.empty()) {
    settings.mode = Mode::sentinel;
  } else if (redis.addresses.size() > 1) {
    settings.mode = Mode::cluster;
  }
  for (const std::string& address : redis.addresses) {
    BUNKER_TRY_ASSIGN(auto seed, redis_address(address, redis.tls_enabled));
    settings.seeds.push_back(std::move(seed));
  }
  settings.master_name = redis.master_name;
  const std::string name = redis.client_name.empty() ? "bunker-registryd" : redis.client_name;
  settings.login = {redis.username, redis.password, name,
                    settings.mode == Mode::cluster ? 0 : redis.database};
  settings.sentinel_login = {redis.sentinel_username, redis.sentinel_password, name, 0};
  settings.dial_time = bounded(redis.dial_timeout, settings.dial_time, kLongestDial);
  const auto write = std::max(redis.write_timeout, config::Duration(0));
  const auto read =
      redis.read_timeout.count() > 0 ? redis.read_timeout + write : redis.read_timeout;
  settings.reply_time = bounded(read, settings.reply_time, kLongestReply);
  return settings;
}

// What tells this bucket from all others, in a Redis that several registries use.
std::string identity_of(const config::S3& s3) {
  return "s3 " + s3.endpoint + " " + s3.region + " " + s3.bucket + " " + s3.root_directory;
}

class Uncached final : public Caching {
 public:
  explicit Uncached(storage::ObjectStore& store) : store_(store) {}
  [[nodiscard]] storage::ObjectStore& store() noexcept override { return store_; }
  [[nodiscard]] cache::CachingStore* cache() noexcept override { return nullptr; }

 private:
  storage::ObjectStore& store_;
};

class Cached final : public Caching {
 public:
  // Remembers in Redis, too.
  Result<void> use_redis(const config::Config& config, BlockingPool& pool, Logger& log,
                         Metrics& metrics) {
    const config::Redis& redis = config.redis;
    if (redis.tls_enabled) {
      net::TlsClientOptions options;
      options.only_ca_files = redis.tls_root_cas;
      options.certificate_file = redis.tls_certificate;
      options.key_file = redis.tls_key;
      BUNKER_TRY_ASSIGN(tls_, net::TlsClient::create(options));
    }
    BUNKER_TRY_ASSIGN(auto settings, redis_settings(redis));
    dialer_ = std::make_unique<net::SocketDialer>(pool, tls_.get());
    shared_ = cache::make_redis_facts(*dialer_, std::move(settings),
                                      identity_of(*config.storage.s3), log, metrics);
    return {};
  }

  // Keeps blobs on this machine.
  Result<void> use_disk(const config::DiskCache& disk, storage::ObjectStore& store,
                        BlockingPool& pool, Metrics& metrics) {
    BUNKER_TRY_ASSIGN(auto folder, cache::DiskFolder::open(disk.folder, disk.bytes));
    disk_ = cache::make_disk_store(store, std::move(folder), pool, metrics);
    return {};
  }

  void open(storage::ObjectStore& store, std::size_t entries, Metrics& metrics) {
    cache_ = cache::make_caching_store(disk_ ? *disk_ : store, shared_.get(), entries, metrics);
  }

  [[nodiscard]] storage::ObjectStore& store() noexcept override { return *cache_; }
  [[nodiscard]] cache::CachingStore* cache() noexcept override { return cache_.get(); }

 private:
  std::unique_ptr<net::TlsClient> tls_;
  std::unique_ptr<net::SocketDialer> dialer_;
  std::unique_ptr<cache::SharedFacts> shared_;
  std::unique_ptr<storage::ObjectStore> disk_;
  std::unique_ptr<cache::CachingStore> cache_;
};

}  // namespace

Result<std::unique_ptr<Caching>> open_caching(const config::Config& config,
                                              storage::ObjectStore& store, BlockingPool& pool,
                                              Logger& log, Metrics& metrics) {
  const auto& disk = config.bunker.disk_cache;
  if (!store.remote()) {
    if (disk) log.warn("bunker.cache.disk has no effect: the storage is on this machine already");
    return std::make_unique<Uncached>(store);
  }
  if (config.bunker.cache_disabled) return std::make_unique<Uncached>(store);
  auto caching = std::make_unique<Cached>();
  if (config.storage.descriptor_cache == config::DescriptorCache::redis && config.storage.s3) {
    BUNKER_TRY(caching->use_redis(config, pool, log, metrics));
  }
  if (disk) BUNKER_TRY(caching->use_disk(*disk, store, pool, metrics));
  caching->open(store, static_cast<std::size_t>(config.storage.descriptor_cache_entries), metrics);
  return caching;
}

}  // namespace bunker
