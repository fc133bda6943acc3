// What a config.yml says, as plain values: distribution's version 0.1 (2.x and 3.x) and Bunker's
// own keys. Every member's initialiser is the key's default. Not for reading files: see load.h.
//
// A Config that load.h hands out is consistent: exactly one storage driver is set, at most one way
// of authentication, addresses and URLs are well formed, numbers are within their bounds. The
// table schema.cpp says which key fills which member. Owner: the composition root. Immutable.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "registryd/access/policy.h"
#include "registryd/config/backends.h"

namespace bunker::config {

// --- log ----------------------------------------------------------------------------------------

enum class LogLevel { error, warn, info, debug };
enum class LogFormat { text, json, logstash };

struct LogHook {
  bool disabled = false;
  std::string type;
  std::vector<std::string> levels;
  std::string smtp_address, smtp_username, smtp_password;
  bool smtp_insecure = false;
  std::string from;
  std::vector<std::string> to;
  bool operator==(const LogHook&) const = default;
};

struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::map<std::string, std::string> fields;  // added to every line
  bool access_log_disabled = false;
  bool report_caller = false;
  std::vector<LogHook> hooks;
  bool operator==(const Log&) const = default;
};

// --- auth ---------------------------------------------------------------------------------------

struct Htpasswd {
  std::string realm;
  std::string path;
  bool operator==(const Htpasswd&) const = default;
};

struct Token {
  std::string realm, service, issuer;
  std::string root_cert_bundle, jwks;           // paths; at least one is set
  std::vector<std::string> signing_algorithms;  // JWA names; empty: all that are offered
  bool auto_redirect = false;
  std::string auto_redirect_path = "/auth/token";
  bool operator==(const Token&) const = default;
};

struct Auth {
  // At most one is set; none: everybody may do everything.
  std::optional<Htpasswd> htpasswd;
  std::optional<Token> token;
  bool operator==(const Auth&) const = default;
};

// --- http ---------------------------------------------------------------------------------------

enum class Network { tcp, unix_socket };
enum class ClientAuth { request, require_any, verify_if_given, require_and_verify };
enum class TlsVersion { tls1_2, tls1_3 };

struct LetsEncrypt {
  std::string cache_file, email, directory_url;
  std::vector<std::string> hosts;
  bool operator==(const LetsEncrypt&) const = default;
};

struct Tls {
  std::string certificate, key;  // paths; both or neither are set
  std::vector<std::string> client_cas;
  ClientAuth client_auth = ClientAuth::require_and_verify;  // only with client_cas
  TlsVersion minimum = TlsVersion::tls1_2;
  std::vector<std::string> cipher_suites;  // Go's names; empty: the strong ones
  LetsEncrypt lets_encrypt;
  bool operator==(const Tls&) const = default;
};

struct Http {
  std::string address = ":5000";  // HOST:PORT, or a path with Network::unix_socket
  Network network = Network::tcp;
  std::string host;    // "https://registry.example.com[:port][/path]"; empty: the request's
  std::string prefix;  // empty, or with a '/' at both ends
  std::string secret;  // empty: none was given
  bool relative_urls = false;
  Duration drain_timeout{0};  // 0: what is running is cut
  Headers headers;
  Tls tls;
  std::string debug_address;  // empty: no debug listener
  bool prometheus_enabled = false;
  std::string prometheus_path = "/metrics";
  bool http2_disabled = false;
  bool h2c_enabled = false;
  bool operator==(const Http&) const = default;
};

// --- health -------------------------------------------------------------------------------------

// Thresholds: how many failures in a row make it unhealthy.
struct StorageHealth {
  bool enabled = false;
  Duration interval = std::chrono::seconds(10);
  std::int64_t threshold = 1;
  bool operator==(const StorageHealth&) const = default;
};

struct FileHealth {
  std::string file;  // unhealthy while it exists
  Duration interval = std::chrono::seconds(10);
  std::int64_t threshold = 1;
  bool operator==(const FileHealth&) const = default;
};

struct HttpHealth {
  std::string uri;
  Headers headers;  // may hold credentials
  std::int64_t status = 200;
  Duration timeout{0};  // 0: as long as the interval
  Duration interval = std::chrono::seconds(10);
  std::int64_t threshold = 1;
  bool operator==(const HttpHealth&) const = default;
};

struct TcpHealth {
  std::string address;
  Duration timeout{0};  // 0: as long as the interval
  Duration interval = std::chrono::seconds(10);
  std::int64_t threshold = 1;
  bool operator==(const TcpHealth&) const = default;
};

struct Health {
  StorageHealth storage;
  std::vector<FileHealth> files;
  std::vector<HttpHealth> http;
  std::vector<TcpHealth> tcp;
  bool operator==(const Health&) const = default;
};

// --- validation, bunker --------------------------------------------------------------------------

enum class IndexPlatforms { all, none, list };

struct Platform {
  std::string architecture, os;
  bool operator==(const Platform&) const = default;
};

struct Validation {
  bool enabled = false;                            // the old switch, already folded into `disabled`
  bool disabled = false;                           // no manifest is checked at all
  std::vector<std::string> urls_allow, urls_deny;  // regular expressions; both empty: no URL passes
  IndexPlatforms index_platforms = IndexPlatforms::all;
  std::vector<Platform> platforms;  // for IndexPlatforms::list
  bool operator==(const Validation&) const = default;
};

// --- bunker -------------------------------------------------------------------------------------

enum class References { required, optional };

struct Limits {
  std::int64_t max_connections = 20'000;
  std::uint64_t max_header_bytes = 64u << 10;
  Duration idle_timeout = std::chrono::seconds(120);
  Duration stall_timeout = std::chrono::seconds(60);
  bool operator==(const Limits&) const = default;
};

// What GET /v2/ is to clients without credentials, where rules let everybody do something.
enum class Ping { challenge, open };

struct Access {
  std::string file;  // of rules and immutable tags; then the two below are empty
  std::vector<access::RuleText> rules;
  std::vector<access::ImmutableText> immutable;
  Ping ping = Ping::challenge;
  bool operator==(const Access&) const = default;
};

enum class Audit { off, changes, all };

// Whether what is sent to a bucket is signed with its hash: always, never, or where somebody on the
// way could change it (plain HTTP to another machine).
enum class PayloadSigning { automatic, always, never };

// Blobs that were pulled, kept on this machine.
struct DiskCache {
  std::string folder;
  std::uint64_t bytes = std::uint64_t{10} << 30;
  bool operator==(const DiskCache&) const = default;
};

// Collection of what nothing refers to any more; see docs/collection.md.
struct Collection {
  bool enabled = false;                        // whether the service collects by itself
  Duration interval = std::chrono::hours(24);  // from the end of one to the start of the next
  Duration grace = std::chrono::minutes(15);
  Duration minimum_age = std::chrono::hours(24);
  bool delete_untagged = false;
  bool operator==(const Collection&) const = default;
};

// The administration API, gRPC.
struct Admin {
  std::string socket;                       // a path; empty: none
  std::string address;                      // HOST:PORT, with mutual TLS; empty: none
  std::string certificate, key, client_ca;  // paths, for `address`
  std::string module;                       // the gRPC module's file; empty: beside the program
  bool operator==(const Admin&) const = default;
};

// TLS certificates by Envoy's secret discovery, instead of the files of http.tls.
struct Sds {
  std::string socket;       // a path
  std::string certificate;  // name of the secret with the server's certificate and key
  std::string client_ca;    // of that with the client authorities and their lists; empty: none
  std::string node;         // our name there; empty: the host's
  Duration timeout = std::chrono::seconds(30);  // for the first set, at the start
  bool operator==(const Sds&) const = default;
};

struct Bunker {
  std::int64_t threads = 0;  // I/O threads; 0: one a core
  std::uint64_t manifest_cache_bytes = 64u << 20;
  std::optional<DiskCache> disk_cache;
  PayloadSigning s3_payload_signing = PayloadSigning::automatic;
  References references = References::required;
  std::string tls_crl;  // path of revocation lists of http.tls.clientcas; empty: none
  std::optional<Sds> tls_sds;
  bool cache_disabled = false;  // nothing of a bucket is remembered
  Limits limits;
  Access access;
  Audit audit = Audit::off;
  Collection collection;
  Admin admin;
  bool operator==(const Bunker&) const = default;
};

struct Config {
  Log log;
  Storage storage;
  Auth auth;
  Http http;
  Redis redis;
  Health health;
  Middlewares middleware;
  Notifications notifications;
  Proxy proxy;
  Reporting reporting;
  Schema1 schema1;
  Validation validation;
  std::vector<std::string> repository_classes;
  std::int64_t catalog_max_entries = 1000;
  std::int64_t tags_max = 1000;
  Bunker bunker;
  bool operator==(const Config&) const = default;
};

// Whether the API's listener speaks TLS.
[[nodiscard]] inline bool has_tls(const Config& config) {
  return !config.http.tls.certificate.empty() || config.bunker.tls_sds.has_value();
}

}  // namespace bunker::config
