#include "registryd/config/checks.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "registryd/config/values.h"

namespace bunker::config {
namespace {

constexpr std::array<std::string_view, 8> kDrivers = {"filesystem", "s3",  "s3aws", "inmemory",
                                                      "azure",      "gcs", "swift", "oss"};

// Where `path` is written; where it is not, the nearest section around it that is.
Location locate(const Node& root, std::string_view path) {
  for (;;) {
    if (const Node* node = find_path(root, path)) return node->at;
    const std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) return root.at;
    path = path.substr(0, dot);
  }
}

bool is_given(const Node& root, std::string_view path) {
  const Node* node = find_path(root, path);
  return node != nullptr && node->kind != Node::Kind::null;
}

void error(Decoder& in, const Node& root, std::string_view path, std::string message,
           std::string remedy) {
  const Decoder::Scope scope(in, path);
  in.error(locate(root, path), std::move(message), std::move(remedy));
}

void warning(Decoder& in, const Node& root, std::string_view path, std::string message,
             std::string remedy) {
  const Decoder::Scope scope(in, path);
  in.warning(locate(root, path), std::move(message), std::move(remedy));
}

std::string place(const Location& at) {
  if (!at.source) return {};
  return at.line > 0 ? " (line " + std::to_string(at.line) + ")" : " (" + *at.source + ")";
}

void check_version(Decoder& in, const Node& root) {
  const Node* version = find_path(root, "version");
  if (version == nullptr || version->kind == Node::Kind::null) return;  // reported as missing
  if (version->kind != Node::Kind::scalar || version->text != "0.1") {
    error(in, root, "version", "must be 0.1, the only version of this format",
          "write `version: 0.1`");
  }
}

// Exactly one driver. `section` holds the keys; a driver counts even with nothing below it.
void check_storage(Decoder& in, const Node& root, const Config& config) {
  const Entry* storage = root.find("storage");
  std::string found;
  int count = 0;
  if (storage != nullptr) {
    for (const std::string_view driver : kDrivers) {
      const Entry* entry = storage->value.find(driver);
      if (entry == nullptr) continue;
      if (count++ > 0) found += " and ";
      found += std::string(driver) + place(entry->at);
    }
  }
  if (count > 1) {
    error(in, root, "storage", "must name one driver, and names " + found,
          "keep one of them; REGISTRY_STORAGE=NAME in the environment replaces the whole section");
  } else if (count == 0 && (storage == nullptr || storage->value.kind == Node::Kind::map ||
                            storage->value.kind == Node::Kind::null)) {
    error(in, root, "storage", "names no driver, so there is nowhere to store anything",
          "add `filesystem:` with a `rootdirectory:` below `storage:`");
  }
  if (config.storage.filesystem && config.storage.filesystem->root_directory.empty()) {
    error(in, root, "storage.filesystem.rootdirectory", "is empty", "name a directory");
  }
  if (config.storage.descriptor_cache == DescriptorCache::redis && config.redis.addresses.empty()) {
    error(in, root, "storage.cache.blobdescriptor", "needs to know where Redis is",
          "add `redis:` with `addrs: [HOST:PORT]` at the top of the file");
  }
}

void check_s3(Decoder& in, const Node& root, const Config& config) {
  if (!config.storage.s3) return;
  const S3& s3 = *config.storage.s3;
  if (s3.region.empty() && s3.endpoint.empty()) {
    error(in, root, "storage.s3.region", "is missing",
          "name the region, or the store's address in regionendpoint");
  }
  if (s3.access_key.empty() != s3.secret_key.empty()) {
    error(in, root, s3.access_key.empty() ? "storage.s3.accesskey" : "storage.s3.secretkey",
          "is missing: accesskey and secretkey go together",
          "give both, or neither to use the credentials of the environment");
  }
  if (!s3.key_id.empty() && !s3.encrypt) {
    warning(in, root, "storage.s3.keyid", "has no effect without encrypt", "add `encrypt: true`");
  }
}

void check_auth(Decoder& in, const Node& root, const Config& config) {
  const Entry* auth = root.find("auth");
  if (auth != nullptr && auth->value.entries.size() > 1) {
    std::string found;
    for (const Entry& entry : auth->value.entries) {
      if (!found.empty()) found += " and ";
      found += printable(entry.name) + place(entry.at);
    }
    error(in, root, "auth", "must name one way, and names " + found, "keep one of them");
  }
  if (config.auth.token && config.auth.token->root_cert_bundle.empty() &&
      config.auth.token->jwks.empty()) {
    error(in, root, "auth.token", "has no key to check tokens with",
          "name a file of certificates in rootcertbundle, or of keys in jwks");
  }
}

// What names files has no place beside a stream of the same.
void check_sds(Decoder& in, const Node& root, const Config& config) {
  for (const std::string_view key :
       {"http.tls.certificate", "http.tls.key", "http.tls.clientcas", "bunker.tls.crl"}) {
    if (!is_given(root, key)) continue;
    error(in, root, key, "names a file of what bunker.tls.sds brings", "remove one of the two");
  }
  if (config.bunker.tls_sds->client_ca.empty() && is_given(root, "http.tls.clientauth")) {
    warning(in, root, "http.tls.clientauth", "has no effect without bunker.tls.sds.clientca",
            "name the secret of the CAs whose certificates clients may show");
  }
}

void check_tls_files(Decoder& in, const Node& root, const Config& config) {
  const Tls& tls = config.http.tls;
  const bool has_certificate = !tls.certificate.empty();
  if (has_certificate != !tls.key.empty()) {
    error(in, root, has_certificate ? "http.tls.key" : "http.tls.certificate",
          "is missing: certificate and key go together", "name both files");
  }
  // Distribution would serve plain HTTP to everybody then.
  if (!has_certificate && tls.key.empty() && !tls.client_cas.empty()) {
    error(in, root, "http.tls.clientcas", "needs a certificate to speak TLS with",
          "name the server's files in certificate and key");
  }
  if (tls.client_cas.empty() && !config.bunker.tls_crl.empty()) {
    error(in, root, "bunker.tls.crl", "needs the CAs whose certificates it revokes",
          "name them in http.tls.clientcas");
  }
  if (tls.client_cas.empty() && is_given(root, "http.tls.clientauth")) {
    warning(in, root, "http.tls.clientauth", "has no effect without clientcas",
            "name the CAs whose certificates clients may show");
  }
}

void check_tls(Decoder& in, const Node& root, const Config& config) {
  if (config.bunker.tls_sds) {
    check_sds(in, root, config);
  } else {
    check_tls_files(in, root, config);
  }
  const Tls& tls = config.http.tls;
  if (tls.minimum == TlsVersion::tls1_3 && !tls.cipher_suites.empty()) {
    warning(in, root, "http.tls.ciphersuites", "has no effect with minimumtls: tls1.3",
            "remove it: TLS 1.3 has only strong ones");
  }
}

void check_http(Decoder& in, const Node& root, Http& http) {
  if (http.address.empty()) http.address = Http{}.address;
  if (http.prometheus_path.empty()) http.prometheus_path = Http{}.prometheus_path;
  const std::optional<Wrong> wrong =
      http.network == Network::tcp ? check_listen_address(http.address) : check_path(http.address);
  if (wrong) {
    const bool is_socket = http.network == Network::unix_socket;
    error(in, root, "http.addr", wrong->message + ", not " + in_quotes(http.address),
          is_socket ? "with `net: unix` it is the path of a socket" : wrong->remedy);
  }
  if (http.prometheus_enabled && http.debug_address.empty()) {
    warning(in, root, "http.debug.prometheus.enabled", "has no effect without http.debug.addr",
            "add `addr: localhost:5001` below `debug:`");
  }
}

void check_redis(Decoder& in, const Node& root, Redis& redis) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kSame = {
      {{"addr", "addrs"},
       {"sentinelMasterSet", "mastername"},
       {"pool.maxidle", "maxidleconns"},
       {"pool.maxactive", "poolsize"},
       {"pool.idletimeout", "connmaxidletime"}}};
  for (const auto& [old_name, name] : kSame) {
    const std::string old_path = "redis." + std::string(old_name);
    if (is_given(root, old_path) && is_given(root, "redis." + std::string(name))) {
      error(in, root, old_path, "is the old name of " + std::string(name) + ", which is there, too",
            "keep one of them");
    }
  }
  if (redis.tls_certificate.empty() != redis.tls_key.empty()) {
    error(in, root, redis.tls_certificate.empty() ? "redis.tls.certificate" : "redis.tls.key",
          "is missing: certificate and key go together", "name both files, or neither");
  }
  redis.tls_enabled =
      redis.tls_enabled || !redis.tls_certificate.empty() || !redis.tls_root_cas.empty();
}

void check_validation(Decoder& in, const Node& root, Validation& validation) {
  // As in distribution: `enabled: true` wins over `disabled: true`, and alone it says nothing.
  if (is_given(root, "validation.enabled")) {
    warning(in, root, "validation.enabled", "is an old key: validation is on unless disabled",
            "remove it");
  }
  validation.disabled = validation.disabled && !validation.enabled;
  validation.enabled = false;
  if (validation.index_platforms == IndexPlatforms::list && validation.platforms.empty()) {
    warning(in, root, "validation.manifests.indexes.platforms",
            "is `list`, and platformlist is empty: no platform's image needs to exist",
            "list the platforms, or choose all or none");
  }
  if (validation.index_platforms != IndexPlatforms::list && !validation.platforms.empty()) {
    warning(in, root, "validation.manifests.indexes.platformlist",
            "has no effect without `platforms: list`", "add it");
  }
}

void check_access(Decoder& in, const Node& root, const Config& config) {
  const Access& access = config.bunker.access;
  if (!access.file.empty() && !(access.rules.empty() && access.immutable.empty())) {
    error(in, root, "bunker.access.file", "is there, and rules or immutable beside it",
          "keep the file, and move what is beside it there");
  }
  // Rules about users without a way to tell who they are would lock everybody out.
  const bool knows_users = config.auth.htpasswd || config.auth.token;
  const auto names_user = [](const access::RuleText& rule) {
    return std::ranges::any_of(rule.identities,
                               [](const std::string& text) { return text.starts_with("user:"); });
  };
  if (!knows_users && std::ranges::any_of(access.rules, names_user)) {
    warning(in, root, "bunker.access.rules", "name users, and there is no auth to know them by",
            "add auth.htpasswd or auth.token, or name certificates: cn:, ou:, o:, san:");
  }
}

void check_log(Decoder& in, const Node& root) {
  if (!is_given(root, "loglevel")) return;
  warning(in, root, "loglevel",
          is_given(root, "log.level") ? "is an old key, and log.level is there: it has no effect"
                                      : "is an old key",
          "use log.level");
}

}  // namespace

void check_whole(Decoder& in, const Node& root, Config& config) {
  check_version(in, root);
  check_log(in, root);
  check_storage(in, root, config);
  check_s3(in, root, config);
  check_auth(in, root, config);
  check_http(in, root, config.http);
  check_tls(in, root, config);
  check_redis(in, root, config.redis);
  check_validation(in, root, config.validation);
  check_access(in, root, config);
}

}  // namespace bunker::config
