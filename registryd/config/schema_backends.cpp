// The part of the schema that fills backends.h. To bring a refused key to life, make its
// `refused(…)` a `kHonoured` and say so in docs/configuration.md.
#include "registryd/config/schema_backends.h"

namespace bunker::config {
namespace {

using namespace std::chrono_literals;

constexpr DurationRule kWithUnit{.min = 1s, .unit_required = true};
constexpr DurationRule kNegativeIsNone{.min = Duration::min()};
constexpr BytesRule kPartSize{.min = 5u << 20, .max = std::uint64_t{5} << 30};
constexpr BytesRule kUpToPartSize{.max = std::uint64_t{5} << 30};

std::vector<Field<S3>> s3_keys() {
  return {
      text("accesskey", &S3::access_key),
      secret(text("secretkey", &S3::secret_key)),
      secret(opaque<S3>("sessiontoken", no_effect("a session token in the file is never read",
                                                  "set AWS_SESSION_TOKEN"))),
      text("region", &S3::region),
      text("regionendpoint", &S3::endpoint, kHonoured, check_endpoint),
      text("redirectendpoint", &S3::redirect_endpoint, kHonoured, check_url),
      flag("forcepathstyle", &S3::force_path_style, kHonoured, Quotes::allowed),
      required(text("bucket", &S3::bucket)),
      flag("encrypt", &S3::encrypt, kHonoured, Quotes::allowed),
      text("keyid", &S3::key_id),
      flag("secure", &S3::secure, kHonoured, Quotes::allowed),
      flag("skipverify", &S3::skip_verify, kHonoured, Quotes::allowed),
      flag("v4auth", &S3::v4_auth,
           refused("version 2 signatures are not offered", "remove the key: version 4 is meant"),
           Quotes::allowed),
      bytes("chunksize", &S3::chunk_bytes, kHonoured, kPartSize),
      bytes("multipartcopychunksize", &S3::copy_chunk_bytes, kHonoured, kPartSize),
      number("multipartcopymaxconcurrency", &S3::copy_concurrency, kHonoured, kFromOne),
      bytes("multipartcopythresholdsize", &S3::copy_threshold_bytes, kHonoured, kUpToPartSize),
      text("rootdirectory", &S3::root_directory),
      text("storageclass", &S3::storage_class, kHonoured, check_storage_class),
      text("useragent", &S3::user_agent),
      text("objectacl", &S3::object_acl, kHonoured, check_object_acl),
      flag("usedualstack", &S3::dual_stack, kHonoured, Quotes::allowed),
      flag("accelerate", &S3::accelerate, kHonoured, Quotes::allowed),
      flag("usefipsendpoint", &S3::fips_endpoint, kHonoured, Quotes::allowed),
      choice<S3, S3LogLevel>("loglevel", &S3::log_level,
                             no_effect("calls to S3 are logged by log.level"),
                             {{"off", S3LogLevel::off},
                              {"debug", S3LogLevel::debug},
                              {"debugwithsigning", S3LogLevel::with_signing},
                              {"debugwithhttpbody", S3LogLevel::with_http_body},
                              {"debugwithrequestretries", S3LogLevel::with_request_retries},
                              {"debugwithrequesterrors", S3LogLevel::with_request_errors},
                              {"debugwitheventstreambody", S3LogLevel::with_event_stream_body}}),
  };
}

std::vector<Field<Middleware>> middleware_keys() {
  return {text("name", &Middleware::name), flag("disabled", &Middleware::disabled),
          opaque<Middleware>("options", kHonoured)};
}

}  // namespace

std::vector<Field<Storage>> storage_keys() {
  constexpr std::string_view kUseFilesystem = "use storage.filesystem";
  const auto descriptor_cache = [&](std::string_view name) {
    return choice<Storage, DescriptorCache>(
        name, &Storage::descriptor_cache, kHonoured,
        {{"inmemory", DescriptorCache::in_memory}, {"redis", DescriptorCache::redis}});
  };
  return {
      section<Storage, Filesystem>(
          "filesystem", &Storage::filesystem, kHonoured,
          {text("rootdirectory", &Filesystem::root_directory),
           number("maxthreads", &Filesystem::max_threads, no_effect(), kAnyNumber)}),
      section("s3", &Storage::s3, kHonoured, s3_keys()),
      legacy(section("s3aws", &Storage::s3, kHonoured, s3_keys())),
      section<Storage, InMemory>("inmemory", &Storage::in_memory, kHonoured, {}),
      opaque<Storage>("azure", refused("Azure is not supported", kUseFilesystem)),
      opaque<Storage>("gcs", refused("Google Cloud Storage is not supported", kUseFilesystem)),
      opaque<Storage>("swift", refused("Swift is not supported", kUseFilesystem)),
      opaque<Storage>("oss", refused("Aliyun OSS is not supported", kUseFilesystem)),
      group<Storage>("delete", {flag("enabled", &Storage::delete_enabled)}),
      group<Storage>("redirect", {flag("disable", &Storage::redirect_disabled)}),
      group<Storage>("tag",
                     {number("concurrencylimit", &Storage::tag_concurrency, kHonoured, kFromZero)}),
      group<Storage>(
          "cache",
          {legacy(descriptor_cache("layerinfo")), descriptor_cache("blobdescriptor"),
           number("blobdescriptorsize", &Storage::descriptor_cache_entries, kHonoured, kFromZero)}),
      group<Storage>("maintenance",
                     {section<Storage, UploadPurging>(
                          "uploadpurging", &Storage::upload_purging, kHonoured,
                          {flag("enabled", &UploadPurging::enabled),
                           duration("age", &UploadPurging::age, kHonoured, kWithUnit),
                           duration("interval", &UploadPurging::interval, kHonoured, kWithUnit),
                           flag("dryrun", &UploadPurging::dry_run)}),
                      group<Storage>("readonly", {flag("enabled", &Storage::read_only)})}),
  };
}

std::vector<Field<Redis>> redis_keys() {
  return {
      texts("addrs", &Redis::addresses, kHonoured, check_redis_address),
      text("mastername", &Redis::master_name),
      text("clientname", &Redis::client_name),
      text("username", &Redis::username),
      secret(text("password", &Redis::password)),
      text("sentinelusername", &Redis::sentinel_username),
      secret(text("sentinelpassword", &Redis::sentinel_password)),
      number("db", &Redis::database, kHonoured, kFromZero),
      number("protocol", &Redis::protocol, no_effect(), {.min = 0, .max = 3}),
      number("maxretries", &Redis::max_retries, no_effect(), {.min = -1}),
      duration("minretrybackoff", &Redis::min_retry_backoff, no_effect(), kNegativeIsNone),
      duration("maxretrybackoff", &Redis::max_retry_backoff, no_effect(), kNegativeIsNone),
      duration("dialtimeout", &Redis::dial_timeout, kHonoured, kNegativeIsNone),
      duration("readtimeout", &Redis::read_timeout, kHonoured, kNegativeIsNone),
      duration("writetimeout", &Redis::write_timeout, kHonoured, kNegativeIsNone),
      flag("contexttimeoutenabled", &Redis::context_timeout_enabled, no_effect()),
      flag("poolfifo", &Redis::pool_fifo, no_effect()),
      number("poolsize", &Redis::pool_size, no_effect(), kFromZero),
      duration("pooltimeout", &Redis::pool_timeout, no_effect(), kNegativeIsNone),
      number("minidleconns", &Redis::min_idle, no_effect(), kFromZero),
      number("maxidleconns", &Redis::max_idle, no_effect(), kFromZero),
      number("maxactiveconns", &Redis::max_active, no_effect(), kFromZero),
      duration("connmaxidletime", &Redis::max_idle_time, no_effect(), kNegativeIsNone),
      duration("connmaxlifetime", &Redis::max_lifetime, no_effect(), kNegativeIsNone),
      number("maxredirects", &Redis::max_redirects, no_effect(), {.min = -1}),
      flag("readonly", &Redis::read_only, no_effect()),
      flag("routebylatency", &Redis::route_by_latency, no_effect()),
      flag("routerandomly", &Redis::route_randomly, no_effect()),
      flag("disableidentity", &Redis::disable_identity, no_effect()),
      text("identitysuffix", &Redis::identity_suffix, no_effect()),
      flag("unstableresp3", &Redis::unstable_resp3, no_effect()),
      group<Redis>("tls", {flag("enabled", &Redis::tls_enabled),
                           text("certificate", &Redis::tls_certificate),
                           text("key", &Redis::tls_key), texts("rootcas", &Redis::tls_root_cas)}),
      // 2.x, and harbor's fork of it.
      legacy(joined_texts("addr", &Redis::addresses, kHonoured, check_redis_address)),
      legacy(text("sentinelMasterSet", &Redis::master_name)),
      legacy(flag("enableTLS", &Redis::tls_enabled)),
      legacy(group<Redis>(
          "pool", {number("maxidle", &Redis::max_idle, no_effect(), kFromZero),
                   number("maxactive", &Redis::pool_size, no_effect(), kFromZero),
                   duration("idletimeout", &Redis::max_idle_time, no_effect(), kNegativeIsNone)})),
  };
}

std::vector<Field<Middlewares>> middlewares_keys() {
  constexpr Use kNone =
      refused("middleware is not there", "remove the entry, or set its `disabled: true`");
  return {list("registry", &Middlewares::registry, kNone, middleware_keys()),
          list("repository", &Middlewares::repository, kNone, middleware_keys()),
          list("storage", &Middlewares::storage, kNone, middleware_keys())};
}

std::vector<Field<Notifications>> notification_keys() {
  return {
      in_environment(
          "EVENTCONFIG",
          group<Notifications>("events", {flag("includereferences",
                                               &Notifications::include_references, no_effect())})),
      list<Notifications, Endpoint>(
          "endpoints", &Notifications::endpoints,
          refused("webhooks are not there", "remove the endpoint, or set its `disabled: true`"),
          {text("name", &Endpoint::name), flag("disabled", &Endpoint::disabled),
           text("url", &Endpoint::url, kHonoured, check_uri),
           secret(headers("headers", &Endpoint::headers)), duration("timeout", &Endpoint::timeout),
           number("threshold", &Endpoint::threshold, kHonoured, kFromZero),
           duration("backoff", &Endpoint::backoff),
           texts("ignoredmediatypes", &Endpoint::ignored_media_types),
           group<Endpoint>("ignore", {texts("mediatypes", &Endpoint::ignore_media_types),
                                      texts("actions", &Endpoint::ignore_actions)})}),
  };
}

std::vector<Field<Proxy>> proxy_keys() {
  return {
      text("remoteurl", &Proxy::remote_url, kHonoured, check_uri),
      text("username", &Proxy::username),
      secret(text("password", &Proxy::password)),
      duration("ttl", &Proxy::ttl),
      group<Proxy>("exec", {text("command", &Proxy::exec_command),
                            duration("lifetime", &Proxy::exec_lifetime)}),
      duration("cachewritetimeout", &Proxy::cache_write_timeout),
  };
}

std::vector<Field<Reporting>> reporting_keys() {
  constexpr std::string_view kRemedy = "remove the section: errors are in the log and the metrics";
  return {
      section<Reporting, Bugsnag>(
          "bugsnag", &Reporting::bugsnag, refused("reports to Bugsnag are not there", kRemedy),
          {secret(text("apikey", &Bugsnag::api_key)), text("releasestage", &Bugsnag::release_stage),
           text("endpoint", &Bugsnag::endpoint)}),
      section<Reporting, NewRelic>(
          "newrelic", &Reporting::new_relic, refused("reports to New Relic are not there", kRemedy),
          {secret(text("licensekey", &NewRelic::license_key)), text("name", &NewRelic::name),
           flag("verbose", &NewRelic::verbose)}),
  };
}

}  // namespace bunker::config
