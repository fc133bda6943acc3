// certsidecar's configuration for the pods of a Registry (docs/certsidecar.md).
#include <nlohmann/json.hpp>

#include "lib/yaml/yaml.h"
#include "operator/api/duration.h"
#include "operator/desired/build.h"
#include "operator/desired/desired.h"
#include "operator/desired/paths.h"

namespace bunker::desired {
namespace {

using v1alpha1::Registry;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// certsidecar's durations have one unit: "90d", "36h", "90s".
std::string one_unit(std::string_view duration) {
  const auto seconds = std::max<std::int64_t>(
      1, std::chrono::ceil<std::chrono::seconds>(v1alpha1::duration_of(duration)).count());
  constexpr std::pair<std::int64_t, char> kUnits[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}};
  for (const auto& [length, unit] : kUnits) {
    if (seconds % length == 0) return std::to_string(seconds / length) + unit;
  }
  return std::to_string(seconds) + "s";
}

Json dns_names(const Input& input) {
  const Registry& registry = input.registry;
  const std::string service = name_of(registry);
  const std::string ns = registry.ns.empty() ? "default" : registry.ns;
  Json out = Json::array();
  const auto add = [&](const std::string& name) {
    if (!name.empty() && std::ranges::find(out, Json(name)) == out.end()) out.push_back(name);
  };
  // The first one is the certificate's common name as well, which holds 64 characters.
  const std::string host = host_name(registry);
  const bool is_address = host.find_first_not_of("0123456789.") == std::string::npos;
  if (!is_address) add(host);
  add(service + "." + ns + ".svc");
  add(service);
  add(service + "." + ns);
  add(service + "." + ns + ".svc." + input.cluster_domain);
  for (const std::string& name : registry.spec.tls.dns_names) add(name);
  return out;
}

Json ip_addresses(const Registry& registry) {
  Json out = registry.spec.tls.ip_addresses;
  const std::string host = host_name(registry);
  if (!host.empty() && host.find_first_not_of("0123456789.") == std::string::npos &&
      std::ranges::find(out, Json(host)) == out.end()) {
    out.push_back(host);
  }
  return out;
}

// `given`: the CA is a person's, to follow with another one when they see fit.
Json authority(const std::string& secret, bool given) {
  Json out = {{"secret", {{"name", secret}}}};
  if (given) out["rotation"] = {{"enabled", false}};
  return out;
}

}  // namespace

std::string certsidecar_config(const Input& input) {
  const Registry& registry = input.registry;
  const v1alpha1::Tls& tls = registry.spec.tls;
  Json authorities = {{"server", authority(server_ca_name(registry), tls.ca_secret.has_value())}};
  Json certificate = {{"name", "server"},
                      {"usage", "server"},
                      {"authority", "server"},
                      {"commonName", registry.name},
                      {"dnsNames", dns_names(input)},
                      {"lifetime", one_unit(registry.spec.tls.lifetime)},
                      {"key", lower(to_string(registry.spec.tls.key_type))},
                      {"folder", kCertificatesFolder}};
  const Json addresses = ip_addresses(registry);
  if (!addresses.empty()) certificate["ipAddresses"] = addresses;
  if (knows_clients(registry)) {
    // One Secret may serve as both.
    const bool same = client_ca_name(registry) == server_ca_name(registry);
    if (!same) {
      authorities["client"] =
          authority(client_ca_name(registry), tls.client_auth.ca_secret.has_value());
    }
    certificate["clientAuthority"] = same ? "server" : "client";
  }
  const char* format = registry.spec.log.format == v1alpha1::LogFormat::json ? "json" : "text";
  const Json out = {
      {"log", {{"level", lower(to_string(registry.spec.log.level))}, {"format", format}}},
      {"debug", {{"addr", ":" + std::to_string(kCertsidecarPort)}}},
      {"authorities", std::move(authorities)},
      {"certificates", Json::array({std::move(certificate)})},
      {"coordination", {{"lease", name_of(registry, "certificates")}}}};
  return yaml::write(out);
}

}  // namespace bunker::desired
