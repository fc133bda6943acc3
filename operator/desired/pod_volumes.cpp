// The volumes of registryd's pods. Paths are those that config.cpp and certsidecar_config.cpp name.
#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"
#include "operator/desired/paths.h"

namespace bunker::desired {
namespace {

constexpr std::int64_t kTokenSeconds = 3600;
constexpr std::string_view kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

class Collector {
 public:
  explicit Collector(const Input& input) : registry_(input.registry) {}

  PodVolumes collect() {
    add_config();
    add_storage();
    add_certificates();
    add_auth();
    add_redis();
    for (const Json& each : registry_.spec.pods.volumes) out_.volumes.push_back(each);
    for (const Json& each : registry_.spec.pods.volume_mounts) {
      out_.registryd_mounts.push_back(each);
    }
    return std::move(out_);
  }

 private:
  void volume(std::string_view name, Json source) {
    source["name"] = name;
    out_.volumes.push_back(std::move(source));
  }
  static Json mount(std::string_view name, std::string_view path, bool read_only = true) {
    Json out = {{"name", name}, {"mountPath", path}};
    if (read_only) out["readOnly"] = true;
    return out;
  }
  void registryd(std::string_view name, std::string_view path, bool read_only = true) {
    out_.registryd_mounts.push_back(mount(name, path, read_only));
  }
  void certsidecar(std::string_view name, std::string_view path, bool read_only = true) {
    out_.certsidecar_mounts.push_back(mount(name, path, read_only));
  }
  static Json secret(std::string_view name) {
    return {{"secret", {{"secretName", name}, {"defaultMode", 0440}}}};
  }
  void trusted_ca(std::string_view name, const v1alpha1::TrustedCa& ca, std::string_view path) {
    volume(
        name,
        {{"configMap",
          {{"name", ca.name}, {"items", Json::array({{{"key", ca.key}, {"path", "ca.crt"}}})}}}});
    registryd(name, path);
  }

  void add_config() {
    volume("config", {{"configMap", {{"name", name_of(registry_, "config")}}}});
    registryd("config", kConfigFolder);
    volume("access", {{"configMap", {{"name", name_of(registry_, "access")}}}});
    registryd("access", kAccessFolder);
  }

  void add_storage() {
    const v1alpha1::Storage& storage = registry_.spec.storage;
    if (storage.filesystem) {
      const auto& claim = storage.filesystem->claim;
      volume("data", {{"persistentVolumeClaim",
                       {{"claimName", claim ? claim->name : name_of(registry_, "data")}}}});
      registryd("data", kDataFolder, false);
    }
    if (storage.s3 && storage.s3->trusted_ca) {
      trusted_ca("s3-ca", *storage.s3->trusted_ca, kS3CaFolder);
    }
  }

  void add_certificates() {
    if (registry_.spec.tls.certificate_secret) {
      volume("certificates", secret(registry_.spec.tls.certificate_secret->name));
      registryd("certificates", kCertificatesFolder);
      if (knows_clients(registry_)) add_client_authority();
    }
    if (!manages_certificates(registry_)) return;
    // In memory: the key never reaches a disk.
    volume("certificates", {{"emptyDir", {{"medium", "Memory"}, {"sizeLimit", "8Mi"}}}});
    registryd("certificates", kCertificatesFolder);
    certsidecar("certificates", kCertificatesFolder, false);
    certsidecar("config", kConfigFolder);
    add_token();
  }

  // What clients are checked with, and never the key that signs them.
  void add_client_authority() {
    Json source = secret(client_ca_name(registry_));
    source["secret"]["optional"] = true;  // a CA without ca.crl is fine
    source["secret"]["items"] = Json::array({{{"key", "ca.crt"}, {"path", "clientca.crt"}},
                                             {{"key", "ca.crl"}, {"path", "clientca.crl"}}});
    volume("client-ca", std::move(source));
    registryd("client-ca", kClientCaFolder);
  }

  // The API server's token, for certsidecar alone: registryd has nothing to say there.
  void add_token() {
    const Json root = {{"configMap",
                        {{"name", "kube-root-ca.crt"},
                         {"items", Json::array({{{"key", "ca.crt"}, {"path", "ca.crt"}}})}}}};
    const Json ns = {
        {"downwardAPI",
         {{"items",
           Json::array(
               {{{"path", "namespace"},
                 {"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}}}}})}}}};
    volume(
        "api-token",
        {{"projected",
          {{"defaultMode", 0440},
           {"sources", Json::array({{{"serviceAccountToken",
                                      {{"path", "token"}, {"expirationSeconds", kTokenSeconds}}}},
                                    root,
                                    ns})}}}});
    certsidecar("api-token", kServiceAccountFolder);
  }

  void add_auth() {
    if (!registry_.spec.auth) return;
    const v1alpha1::Auth& auth = *registry_.spec.auth;
    volume("auth", secret(auth.htpasswd ? auth.htpasswd->secret_name : auth.token->keys_secret));
    registryd("auth", kAuthFolder);
  }

  void add_redis() {
    const auto& redis = registry_.spec.cache.redis;
    if (redis && redis->external && redis->external->trusted_ca) {
      trusted_ca("redis-ca", *redis->external->trusted_ca, kRedisCaFolder);
    }
  }

  const v1alpha1::Registry& registry_;
  PodVolumes out_{Json::array(), Json::array(), Json::array()};
};

}  // namespace

PodVolumes pod_volumes(const Input& input) {
  return Collector(input).collect();
}

}  // namespace bunker::desired
