// Every key of config.yml: where it goes, and whether this version honours it. To bring a refused
// key to life, make its `refused(…)` a `kHonoured` and say so in docs/configuration.md. What fills
// backends.h is in schema_backends.cpp.
#include "registryd/config/schema.h"

#include "registryd/config/builders.h"
#include "registryd/config/config.h"
#include "registryd/config/schema_backends.h"

namespace bunker::config {
namespace {

using namespace std::chrono_literals;

constexpr NumberRule kZeroIsDefault{.zero_is_default = true};
constexpr NumberRule kBelowOneIsDefault{.min = kAnyNumber.min, .zero_is_default = true};
constexpr DurationRule kInterval{.zero_is_default = true};
constexpr DurationRule kLimit{.min = 1s};
constexpr BytesRule kAnySize{};

const std::vector<Option<LogLevel>> kLogLevels = {{"error", LogLevel::error},
                                                  {"warn", LogLevel::warn},
                                                  {"info", LogLevel::info},
                                                  {"debug", LogLevel::debug}};

std::vector<Field<Log>> log_keys() {
  constexpr Use kNoMail =
      refused("log hooks (mail) are not there", "remove the hook, or set its `disabled: true`");
  return {
      choice("level", &Log::level, kHonoured, kLogLevels),
      choice<Log, LogFormat>("formatter", &Log::format, kHonoured,
                             {{"text", LogFormat::text},
                              {"json", LogFormat::json},
                              {"logstash", LogFormat::logstash}}),
      fields("fields", &Log::fields),
      group<Log>("accesslog", {flag("disabled", &Log::access_log_disabled)}),
      flag("reportcaller", &Log::report_caller, no_effect("lines of the log name no source files")),
      list<Log, LogHook>(
          "hooks", &Log::hooks, kNoMail,
          {
              flag("disabled", &LogHook::disabled),
              text("type", &LogHook::type),
              texts("levels", &LogHook::levels),
              in_environment(
                  "MAILOPTIONS",
                  group<LogHook>(
                      "options",
                      {group<LogHook>("smtp", {text("addr", &LogHook::smtp_address),
                                               text("username", &LogHook::smtp_username),
                                               secret(text("password", &LogHook::smtp_password)),
                                               flag("insecure", &LogHook::smtp_insecure)}),
                       text("from", &LogHook::from), texts("to", &LogHook::to)})),
          }),
  };
}

std::vector<Field<Auth>> auth_keys() {
  return {
      section<Auth, Htpasswd>(
          "htpasswd", &Auth::htpasswd, kHonoured,
          {required(text("realm", &Htpasswd::realm)), required(text("path", &Htpasswd::path))}),
      section<Auth, Token>(
          "token", &Auth::token, kHonoured,
          {required(text("realm", &Token::realm)), required(text("service", &Token::service)),
           required(text("issuer", &Token::issuer)),
           text("rootcertbundle", &Token::root_cert_bundle), text("jwks", &Token::jwks),
           texts("signingalgorithms", &Token::signing_algorithms, kHonoured,
                 check_signing_algorithm),
           flag("autoredirect", &Token::auto_redirect),
           text("autoredirectpath", &Token::auto_redirect_path, kHonoured, check_path)}),
      opaque<Auth>("silly", refused("the silly check lets everybody in, and is not there",
                                    "use auth.htpasswd, or `auth: none`")),
      opaque<Auth>("none", kHonoured),
  };
}

std::vector<Field<Tls>> tls_keys() {
  return {
      text("certificate", &Tls::certificate),
      text("key", &Tls::key),
      texts("clientcas", &Tls::client_cas),
      choice<Tls, ClientAuth>("clientauth", &Tls::client_auth, kHonoured,
                              {{"request-client-cert", ClientAuth::request},
                               {"require-any-client-cert", ClientAuth::require_any},
                               {"verify-client-cert-if-given", ClientAuth::verify_if_given},
                               {"require-and-verify-client-cert", ClientAuth::require_and_verify}}),
      choice<Tls, TlsVersion>("minimumtls", &Tls::minimum, kHonoured,
                              {{"tls1.2", TlsVersion::tls1_2}, {"tls1.3", TlsVersion::tls1_3}}),
      texts("ciphersuites", &Tls::cipher_suites, kHonoured, check_cipher_suite),
      section<Tls, LetsEncrypt>(
          "letsencrypt", &Tls::lets_encrypt,
          refused("certificates are not fetched from Let's Encrypt",
                  "fetch them with another program, and name the files in "
                  "http.tls.certificate and http.tls.key"),
          {text("cachefile", &LetsEncrypt::cache_file), text("email", &LetsEncrypt::email),
           texts("hosts", &LetsEncrypt::hosts), text("directoryurl", &LetsEncrypt::directory_url)}),
  };
}

std::vector<Field<Http>> http_keys() {
  return {
      text("addr", &Http::address),
      choice<Http, Network>("net", &Http::network, kHonoured,
                            {{"tcp", Network::tcp}, {"unix", Network::unix_socket}}),
      text("host", &Http::host, kHonoured, check_url),
      text("prefix", &Http::prefix, kHonoured, check_prefix),
      secret(text("secret", &Http::secret)),
      flag("relativeurls", &Http::relative_urls),
      duration("draintimeout", &Http::drain_timeout),
      headers("headers", &Http::headers),
      section("tls", &Http::tls, kHonoured, tls_keys()),
      group<Http>("debug", {text("addr", &Http::debug_address, kHonoured, check_listen_address),
                            group<Http>("prometheus", {flag("enabled", &Http::prometheus_enabled),
                                                       text("path", &Http::prometheus_path,
                                                            kHonoured, check_path)})}),
      group<Http>("http2", {flag("disabled", &Http::http2_disabled, no_effect())}),
      group<Http>("h2c", {flag("enabled", &Http::h2c_enabled,
                               no_effect("HTTP/1.1 is spoken, HTTP/2 is not",
                                         "let the proxy in front speak HTTP/1.1 to it"))}),
  };
}

std::vector<Field<Health>> health_keys() {
  return {
      section<Health, StorageHealth>(
          "storagedriver", &Health::storage, kHonoured,
          {flag("enabled", &StorageHealth::enabled),
           duration("interval", &StorageHealth::interval, kHonoured, kInterval),
           number("threshold", &StorageHealth::threshold, kHonoured, kZeroIsDefault)}),
      in_environment("FILECHECKERS",
                     list<Health, FileHealth>(
                         "file", &Health::files, kHonoured,
                         {required(text("file", &FileHealth::file)),
                          duration("interval", &FileHealth::interval, kHonoured, kInterval),
                          number("threshold", &FileHealth::threshold, kHonoured, kZeroIsDefault)})),
      in_environment("HTTPCHECKERS",
                     list<Health, HttpHealth>(
                         "http", &Health::http, kHonoured,
                         {required(text("uri", &HttpHealth::uri, kHonoured, check_uri)),
                          secret(headers("headers", &HttpHealth::headers)),
                          number("statuscode", &HttpHealth::status, kHonoured,
                                 {.min = 0, .max = 599, .zero_is_default = true}),
                          duration("timeout", &HttpHealth::timeout),
                          duration("interval", &HttpHealth::interval, kHonoured, kInterval),
                          number("threshold", &HttpHealth::threshold, kHonoured, kZeroIsDefault)})),
      in_environment("TCPCHECKERS",
                     list<Health, TcpHealth>(
                         "tcp", &Health::tcp, kHonoured,
                         {required(text("addr", &TcpHealth::address, kHonoured, check_address)),
                          duration("timeout", &TcpHealth::timeout),
                          duration("interval", &TcpHealth::interval, kHonoured, kInterval),
                          number("threshold", &TcpHealth::threshold, kHonoured, kZeroIsDefault)})),
  };
}

std::vector<Field<Validation>> validation_keys() {
  return {
      legacy(flag("enabled", &Validation::enabled)),
      flag("disabled", &Validation::disabled),
      group<Validation>(
          "manifests",
          {group<Validation>("urls",
                             {texts("allow", &Validation::urls_allow, kHonoured, check_regex),
                              texts("deny", &Validation::urls_deny, kHonoured, check_regex)}),
           group<Validation>("indexes", {choice<Validation, IndexPlatforms>(
                                             "platforms", &Validation::index_platforms, kHonoured,
                                             {{"all", IndexPlatforms::all},
                                              {"none", IndexPlatforms::none},
                                              {"list", IndexPlatforms::list}}),
                                         list<Validation, Platform>(
                                             "platformlist", &Validation::platforms, kHonoured,
                                             {text("architecture", &Platform::architecture),
                                              text("os", &Platform::os)})})}),
  };
}

// Those of bunker.access that a file of rules has, too.
std::vector<Field<Access>> policy_keys() {
  using access::ImmutableText;
  using access::RuleText;
  return {
      list<Access, RuleText>(
          "rules", &Access::rules, kHonoured,
          {required(texts("identities", &RuleText::identities, kHonoured, check_identity_pattern)),
           required(
               texts("repositories", &RuleText::repositories, kHonoured, check_repository_pattern)),
           required(texts("actions", &RuleText::actions, kHonoured, check_action))}),
      list<Access, ImmutableText>(
          "immutable", &Access::immutable, kHonoured,
          {required(texts("repositories", &ImmutableText::repositories, kHonoured,
                          check_repository_pattern)),
           required(texts("tags", &ImmutableText::tags, kHonoured, check_tag_pattern))}),
  };
}

std::vector<Field<Access>> access_keys() {
  std::vector<Field<Access>> keys = policy_keys();
  keys.push_back(text("file", &Access::file));
  keys.push_back(choice<Access, Ping>("ping", &Access::ping, kHonoured,
                                      {{"challenge", Ping::challenge}, {"open", Ping::open}}));
  return keys;
}

std::vector<Field<Bunker>> bunker_keys() {
  return {
      number("threads", &Bunker::threads, kHonoured, {.min = 0, .max = 1024}),
      bytes("manifestcache", &Bunker::manifest_cache_bytes, kHonoured, kAnySize),
      group<Bunker>("cache", {flag("disabled", &Bunker::cache_disabled),
                              section<Bunker, DiskCache>(
                                  "disk", &Bunker::disk_cache, kHonoured,
                                  {required(text("folder", &DiskCache::folder)),
                                   bytes("size", &DiskCache::bytes, kHonoured,
                                         {.min = 1u << 20, .max = std::uint64_t{1} << 60})})}),
      group<Bunker>("s3", {choice<Bunker, PayloadSigning>("payloadsigning",
                                                          &Bunker::s3_payload_signing, kHonoured,
                                                          {{"auto", PayloadSigning::automatic},
                                                           {"always", PayloadSigning::always},
                                                           {"never", PayloadSigning::never}})}),
      group<Bunker>("validation",
                    {choice<Bunker, References>(
                        "references", &Bunker::references, kHonoured,
                        {{"required", References::required}, {"optional", References::optional}})}),
      group<Bunker>("tls", {text("crl", &Bunker::tls_crl),
                            section<Bunker, Sds>(
                                "sds", &Bunker::tls_sds, kHonoured,
                                {required(text("socket", &Sds::socket, kHonoured, check_path)),
                                 required(text("certificate", &Sds::certificate)),
                                 text("clientca", &Sds::client_ca), text("node", &Sds::node),
                                 duration("timeout", &Sds::timeout, kHonoured, kLimit)})}),
      section<Bunker, Limits>(
          "limits", &Bunker::limits, kHonoured,
          {number("maxconnections", &Limits::max_connections, kHonoured, kFromOne),
           bytes("maxheaderbytes", &Limits::max_header_bytes, kHonoured,
                 {.min = 4u << 10, .max = 1u << 20}),
           duration("idletimeout", &Limits::idle_timeout, kHonoured, kLimit),
           duration("stalltimeout", &Limits::stall_timeout, kHonoured, kLimit)}),
      section("access", &Bunker::access, kHonoured, access_keys()),
      choice<Bunker, Audit>(
          "audit", &Bunker::audit, kHonoured,
          {{"off", Audit::off}, {"changes", Audit::changes}, {"all", Audit::all}}),
      section<Bunker, Collection>(
          "collection", &Bunker::collection, kHonoured,
          {flag("enabled", &Collection::enabled),
           duration("interval", &Collection::interval, kHonoured, {.min = 1s}),
           duration("grace", &Collection::grace, kHonoured, {.min = 20s}),
           duration("minimumage", &Collection::minimum_age, kHonoured, DurationRule{}),
           flag("deleteuntagged", &Collection::delete_untagged)}),
      section<Bunker, Admin>("admin", &Bunker::admin, kHonoured,
                             {text("socket", &Admin::socket, kHonoured, check_path),
                              text("addr", &Admin::address, kHonoured, check_listen_address),
                              text("certificate", &Admin::certificate), text("key", &Admin::key),
                              text("clientca", &Admin::client_ca), text("module", &Admin::module)}),
  };
}

}  // namespace

const Key& policy_schema() {
  static const Key kTop{.kind = Kind::section, .children = detail::keys_of(policy_keys())};
  return kTop;
}

const Key& schema() {
  static const Key kTop{
      .kind = Kind::section,
      .children = detail::keys_of<Config>({
          required(opaque<Config>("version", kHonoured)),
          legacy(within(&Config::log, choice("loglevel", &Log::level, kHonoured, kLogLevels))),
          section("log", &Config::log, kHonoured, log_keys()),
          name_alone(section("storage", &Config::storage, kHonoured, storage_keys())),
          name_alone(section("auth", &Config::auth, kHonoured, auth_keys())),
          section("http", &Config::http, kHonoured, http_keys()),
          skip_in_environment("OPTIONS", section("redis", &Config::redis, kHonoured, redis_keys())),
          section("health", &Config::health, kHonoured, health_keys()),
          section("middleware", &Config::middleware, kHonoured, middlewares_keys()),
          section("notifications", &Config::notifications, kHonoured, notification_keys()),
          section("proxy", &Config::proxy,
                  refused("a pull-through cache of another registry is not there",
                          "remove the section"),
                  proxy_keys()),
          section("reporting", &Config::reporting, kHonoured, reporting_keys()),
          group<Config>(
              "compatibility",
              {section<Config, Schema1>(
                  "schema1", &Config::schema1, kHonoured,
                  {in_environment("TRUSTKEY",
                                  text("signingkeyfile", &Schema1::signing_key_file, no_effect())),
                   flag("enabled", &Schema1::enabled,
                        refused("manifests of schema 1 are not served", "remove the key"))})}),
          section("validation", &Config::validation, kHonoured, validation_keys()),
          group<Config>("policy", {group<Config>("repository",
                                                 {texts("classes", &Config::repository_classes,
                                                        refused("classes of repositories are not "
                                                                "enforced",
                                                                "remove the list"))})}),
          group<Config>("catalog", {number("maxentries", &Config::catalog_max_entries, kHonoured,
                                           kBelowOneIsDefault)}),
          group<Config>("tags", {number("maxtags", &Config::tags_max, kHonoured, kZeroIsDefault)}),
          section("bunker", &Config::bunker, kHonoured, bunker_keys()),
      })};
  return kTop;
}

}  // namespace bunker::config
