// The parts of a Config that say what a registry talks to: storage, Redis, webhooks, an upstream.
// Included by config.h; same rules. What this version does not talk to yet is described and checked
// all the same, and refused by the table in schema.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bunker::config {

using Duration = std::chrono::nanoseconds;
using Headers = std::map<std::string, std::vector<std::string>>;  // name, values

// --- storage ------------------------------------------------------------------------------------

struct Filesystem {
  std::string root_directory = "/var/lib/registry";
  std::int64_t max_threads = 100;
  bool operator==(const Filesystem&) const = default;
};

struct InMemory {
  bool operator==(const InMemory&) const = default;
};

enum class S3LogLevel {
  off,
  debug,
  with_signing,
  with_http_body,
  with_request_retries,
  with_request_errors,
  with_event_stream_body,
};

struct S3 {
  std::string access_key, secret_key;    // both empty: the environment's credential chain
  std::string region;                    // may be empty with an endpoint
  std::string endpoint;                  // "https://host[:port]" or "host[:port]"; empty: AWS
  std::string redirect_endpoint;         // for presigned URLs; empty: `endpoint`
  std::optional<bool> force_path_style;  // unset: where there is an endpoint
  std::string bucket;
  bool encrypt = false;
  std::string key_id;  // of KMS; only with `encrypt`
  bool secure = true;  // https, where the endpoint names no scheme
  bool skip_verify = false;
  bool v4_auth = true;
  std::uint64_t chunk_bytes = 10u << 20;
  std::uint64_t copy_chunk_bytes = 32u << 20;
  std::int64_t copy_concurrency = 100;
  std::uint64_t copy_threshold_bytes = 512u << 20;
  std::string root_directory;
  std::string storage_class = "STANDARD";  // "NONE": do not send one
  std::string user_agent;
  std::string object_acl = "private";
  bool dual_stack = false;
  bool accelerate = false;
  bool fips_endpoint = false;
  S3LogLevel log_level = S3LogLevel::off;
  bool operator==(const S3&) const = default;
};

enum class DescriptorCache { none, in_memory, redis };

struct UploadPurging {
  bool enabled = true;
  Duration age = std::chrono::hours(168);
  Duration interval = std::chrono::hours(24);
  bool dry_run = false;
  bool operator==(const UploadPurging&) const = default;
};

struct Storage {
  // The driver: exactly one is set.
  std::optional<Filesystem> filesystem;
  std::optional<S3> s3;
  std::optional<InMemory> in_memory;

  bool delete_enabled = false;
  bool redirect_disabled = false;
  std::int64_t tag_concurrency = 0;  // 0: the registry's own choice
  DescriptorCache descriptor_cache = DescriptorCache::none;
  std::int64_t descriptor_cache_entries = 10'000;  // 0: no bound
  UploadPurging upload_purging;
  bool read_only = false;
  bool operator==(const Storage&) const = default;
};

// --- redis --------------------------------------------------------------------------------------

// Distribution 2.x, 3.x and harbor's fork name these differently: one meaning, one member.
// Durations: 0 is the client's own default, negative is no limit.
struct Redis {
  std::vector<std::string> addresses;  // one: single; several: sentinels or a cluster's seeds
  std::string master_name;             // set: `addresses` are sentinels
  std::string client_name;
  std::string username, password;
  std::string sentinel_username, sentinel_password;
  std::int64_t database = 0;
  std::int64_t protocol = 0;  // RESP version; 0: the client's choice
  std::int64_t max_retries = 0;
  Duration min_retry_backoff{0}, max_retry_backoff{0};
  Duration dial_timeout{0}, read_timeout{0}, write_timeout{0};
  bool context_timeout_enabled = false;
  bool pool_fifo = false;
  std::int64_t pool_size = 0;  // 0: the client's choice
  Duration pool_timeout{0};
  std::int64_t min_idle = 0, max_idle = 0, max_active = 0;
  Duration max_idle_time{0}, max_lifetime{0};
  std::int64_t max_redirects = 0;
  bool read_only = false, route_by_latency = false, route_randomly = false;
  bool disable_identity = false, unstable_resp3 = false;
  std::string identity_suffix;
  bool tls_enabled = false;  // also when any of the three below is set
  std::string tls_certificate, tls_key;
  std::vector<std::string> tls_root_cas;
  bool operator==(const Redis&) const = default;
};

// --- what distribution has and Bunker does not ---------------------------------------------------

struct Middleware {
  std::string name;
  bool disabled = false;
  bool operator==(const Middleware&) const = default;
};

struct Middlewares {
  std::vector<Middleware> registry, repository, storage;
  bool operator==(const Middlewares&) const = default;
};

struct Endpoint {
  std::string name;
  bool disabled = false;
  std::string url;
  Headers headers;  // may hold credentials
  Duration timeout{0};
  std::int64_t threshold = 0;
  Duration backoff{0};
  std::vector<std::string> ignored_media_types, ignore_media_types, ignore_actions;
  bool operator==(const Endpoint&) const = default;
};

struct Notifications {
  bool include_references = false;
  std::vector<Endpoint> endpoints;
  bool operator==(const Notifications&) const = default;
};

struct Proxy {
  std::string remote_url;
  std::string username, password;
  std::optional<Duration> ttl;  // unset: 168h; 0: for ever
  std::string exec_command;
  std::optional<Duration> exec_lifetime;  // unset: run once
  std::optional<Duration> cache_write_timeout;
  bool operator==(const Proxy&) const = default;
};

struct Bugsnag {
  std::string api_key, release_stage, endpoint;
  bool operator==(const Bugsnag&) const = default;
};

struct NewRelic {
  std::string license_key, name;
  bool verbose = false;
  bool operator==(const NewRelic&) const = default;
};

struct Reporting {
  Bugsnag bugsnag;
  NewRelic new_relic;
  bool operator==(const Reporting&) const = default;
};

struct Schema1 {
  std::string signing_key_file;
  bool enabled = false;
  bool operator==(const Schema1&) const = default;
};

}  // namespace bunker::config
