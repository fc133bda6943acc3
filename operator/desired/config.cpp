// registryd's config.yml for a Registry. Secrets are not in it: they come by the environment.
#include <nlohmann/json.hpp>

#include "lib/yaml/yaml.h"
#include "operator/api/duration.h"
#include "operator/desired/build.h"
#include "operator/desired/desired.h"
#include "operator/desired/paths.h"

namespace bunker::desired {
namespace {

using v1alpha1::Registry;
using v1alpha1::RegistrySpec;

std::string path(std::string_view folder, std::string_view file) {
  return std::string(folder) + "/" + std::string(file);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// "10Mi" as registryd writes it: "10MiB".
std::string bytes(const std::string& quantity) {
  return quantity == "0" ? "0" : quantity + "B";
}

void set(Json& out, const char* key, const std::string& value) {
  if (!value.empty()) out[key] = value;
}

Json s3(const v1alpha1::S3& wanted) {
  Json out = {{"bucket", wanted.bucket}};
  set(out, "region", wanted.region);
  set(out, "regionendpoint", wanted.endpoint);
  set(out, "rootdirectory", wanted.prefix.empty() ? "" : "/" + wanted.prefix);
  if (wanted.force_path_style) out["forcepathstyle"] = *wanted.force_path_style;
  set(out, "redirectendpoint", wanted.redirect.endpoint);
  if (wanted.encrypt) out["encrypt"] = true;
  set(out, "keyid", wanted.kms_key_id);
  set(out, "storageclass", wanted.storage_class);
  set(out, "objectacl", wanted.object_acl);
  if (!wanted.part_size.empty()) out["chunksize"] = bytes(wanted.part_size);
  if (wanted.insecure_skip_verify) out["skipverify"] = true;
  return out;
}

Json storage(const RegistrySpec& spec) {
  const v1alpha1::Storage& wanted = spec.storage;
  Json out;
  if (wanted.s3) {
    out["s3"] = s3(*wanted.s3);
    out["redirect"]["disable"] = wanted.s3->redirect.mode == v1alpha1::RedirectMode::never;
  } else {
    out["filesystem"]["rootdirectory"] = kDataFolder;
  }
  out["delete"]["enabled"] = wanted.allow_delete;
  out["maintenance"] = {{"uploadpurging",
                         {{"enabled", wanted.upload_purging.enabled},
                          {"age", wanted.upload_purging.age},
                          {"interval", wanted.upload_purging.interval},
                          {"dryrun", false}}},
                        {"readonly", {{"enabled", spec.read_only}}}};
  if (spec.cache.redis) out["cache"]["blobdescriptor"] = "redis";
  return out;
}

const char* client_auth_mode(v1alpha1::ClientAuthMode mode) {
  return mode == v1alpha1::ClientAuthMode::required ? "require-and-verify-client-cert"
                                                    : "verify-client-cert-if-given";
}

Json tls(const Registry& registry) {
  const v1alpha1::Tls& wanted = registry.spec.tls;
  Json out = {{"certificate", path(kCertificatesFolder, "tls.crt")},
              {"key", path(kCertificatesFolder, "tls.key")},
              {"minimumtls", lower(to_string(wanted.minimum_version))}};
  if (knows_clients(registry)) {
    const std::string_view folder =
        manages_certificates(registry) ? kCertificatesFolder : kClientCaFolder;
    out["clientcas"] = {path(folder, "clientca.crt")};
    out["clientauth"] = client_auth_mode(wanted.client_auth.mode);
  }
  return out;
}

Json http(const Registry& registry, const std::string& address) {
  Json out = {{"addr", ":" + std::to_string(kRegistryPort)},
              {"draintimeout", registry.spec.drain_timeout},
              {"headers", {{"X-Content-Type-Options", {"nosniff"}}}},
              {"debug",
               {{"addr", ":" + std::to_string(kDebugPort)},
                {"prometheus", {{"enabled", true}, {"path", "/metrics"}}}}}};
  // Without a host the one that a client asked for is as good as any.
  if (!registry.spec.host.empty()) out["host"] = address;
  if (speaks_tls(registry)) out["tls"] = tls(registry);
  return out;
}

Json auth(const v1alpha1::Auth& wanted) {
  if (wanted.htpasswd) {
    return {
        {"htpasswd",
         {{"realm", wanted.htpasswd->realm}, {"path", path(kAuthFolder, wanted.htpasswd->key)}}}};
  }
  Json token = {{"realm", wanted.token->realm},
                {"service", wanted.token->service},
                {"issuer", wanted.token->issuer}};
  if (wanted.token->keys == v1alpha1::TokenKeys::jwks) {
    token["jwks"] = path(kAuthFolder, "jwks.json");
  } else {
    token["rootcertbundle"] = path(kAuthFolder, "bundle.pem");
  }
  return {{"token", std::move(token)}};
}

Json redis(const Registry& registry) {
  const v1alpha1::RedisCache& wanted = *registry.spec.cache.redis;
  if (wanted.managed) {
    return {{"addrs", {name_of(registry, "redis") + ":" + std::to_string(kRedisPort)}}};
  }
  const v1alpha1::ExternalRedis& external = *wanted.external;
  Json out = {{"addrs", external.addresses}};
  set(out, "mastername", external.master_name);
  set(out, "username", external.username);
  if (external.database != 0) out["db"] = external.database;
  if (external.tls) {
    out["tls"]["enabled"] = true;
    if (external.trusted_ca) out["tls"]["rootcas"] = {path(kRedisCaFolder, "ca.crt")};
  }
  return out;
}

Json bunker_keys(const Input& input) {
  const RegistrySpec& spec = input.registry.spec;
  Json out = {{"manifestcache", bytes(spec.cache.memory)},
              {"validation", {{"references", lower(to_string(spec.validation.references))}}},
              {"limits",
               {{"maxconnections", spec.limits.max_connections},
                {"idletimeout", spec.limits.idle_timeout},
                {"stalltimeout", spec.limits.stall_timeout}}},
              {"access", {{"file", path(kAccessFolder, "access.yml")}}}};
  const v1alpha1::Collection& collection = spec.collection;
  if (collection.enabled) {
    out["collection"] = {{"enabled", true},
                         {"interval", collection.interval},
                         {"grace", collection.grace_period},
                         {"minimumage", collection.minimum_age},
                         {"deleteuntagged", collection.delete_untagged}};
  }
  if (spec.limits.threads) out["threads"] = *spec.limits.threads;
  if (knows_clients(input.registry)) {
    const std::string_view folder =
        manages_certificates(input.registry) ? kCertificatesFolder : kClientCaFolder;
    out["tls"]["crl"] = path(folder, "clientca.crl");
  }
  return out;
}

// `over` wins, key by key; lists are replaced whole.
void merge(Json& base, const Json& over) {
  for (const auto& [key, value] : over.items()) {
    Json& there = base[key];
    if (there.is_object() && value.is_object()) {
      merge(there, value);
    } else {
      there = value;
    }
  }
}

}  // namespace

std::string registryd_config(const Input& input) {
  const Registry& registry = input.registry;
  const RegistrySpec& spec = registry.spec;
  Json out = {
      {"version", 0.1},
      {"log",
       {{"level", lower(to_string(spec.log.level))},
        {"formatter", lower(to_string(spec.log.format))},
        {"accesslog", {{"disabled", !spec.log.access_log}}}}},
      {"storage", storage(spec)},
      {"http", http(registry, url(input))},
      {"health", {{"storagedriver", {{"enabled", true}, {"interval", "10s"}, {"threshold", 3}}}}},
      {"bunker", bunker_keys(input)}};
  if (spec.auth) out["auth"] = auth(*spec.auth);
  if (spec.cache.redis) out["redis"] = redis(registry);
  if (!spec.validation.allowed_urls.empty()) {
    out["validation"]["manifests"]["urls"]["allow"] = spec.validation.allowed_urls;
  }
  if (spec.extra_config.is_object()) merge(out, spec.extra_config);
  return yaml::write(out);
}

}  // namespace bunker::desired
