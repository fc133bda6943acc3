#include "certsidecar/config/config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "certsidecar/config/fields.h"
#include "lib/yaml/yaml.h"

namespace bunker::certsidecar {
namespace {

using std::chrono::seconds;

constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kLevels = {
    {{"debug", LogLevel::debug},
     {"info", LogLevel::info},
     {"warn", LogLevel::warn},
     {"error", LogLevel::error}}};
constexpr std::array<std::pair<std::string_view, LogFormat>, 3> kFormats = {
    {{"text", LogFormat::text}, {"json", LogFormat::json}, {"logstash", LogFormat::logstash}}};

enum class Usage { none, server, client, both };
constexpr std::array<std::pair<std::string_view, Usage>, 3> kUsages = {
    {{"server", Usage::server}, {"client", Usage::client}, {"both", Usage::both}}};

AuthorityConfig read_authority(const std::string& name, Fields& fields) {
  using Source = AuthorityConfig::Source;
  AuthorityConfig out;
  out.name = name;
  const int sources = (fields.has("folder") ? 1 : 0) + (fields.has("mounted") ? 1 : 0) +
                      (fields.has("secret") ? 1 : 0);
  if (sources != 1) fields.problem("folder", "give one of folder, mounted and secret");
  if (fields.has("mounted")) out.source = Source::mounted;
  if (fields.has("secret")) out.source = Source::secret;
  fields.text("folder", out.folder);
  fields.text("mounted", out.folder);
  fields.map("secret", [&](Fields& secret) {
    secret.text("name", out.secret);
    secret.text("namespace", out.secret_namespace);
    if (out.secret.empty()) secret.problem("name", "is not given");
  });
  fields.flag("create", out.create);
  if (out.create && out.source == Source::mounted) {
    fields.problem("create", "a mounted authority cannot be made here");
  }
  fields.text("commonName", out.settings.common_name);
  fields.texts("organizations", out.settings.organizations);
  fields.key_algorithm("key", out.settings.algorithm);
  fields.duration("lifetime", out.settings.lifetime, seconds(60));
  fields.map("rotation", [&](Fields& rotation) {
    rotation.flag("enabled", out.rotate);
    if (rotation.has("before")) {
      seconds before{0};
      rotation.duration("before", before, seconds(1));
      out.policy.before = before;
    } else {
      std::string ignored;
      rotation.text("before", ignored);
    }
    rotation.duration("distribution", out.policy.distribution, seconds(0));
  });
  fields.map("crl", [&](Fields& crl) {
    crl.duration("lifetime", out.crl_lifetime, std::chrono::hours(1));
  });
  return out;
}

void read_request(Fields& fields, CertificateConfig& out) {
  pki::LeafRequest& request = out.request;
  Usage usage = Usage::none;
  fields.choice("usage", kUsages, usage);
  if (usage == Usage::none) fields.problem("usage", "give server, client or both");
  request.for_servers = usage == Usage::server || usage == Usage::both;
  request.for_clients = usage == Usage::client || usage == Usage::both;
  fields.texts("organizations", request.subject.organizations);
  fields.texts("organizationalUnits", request.subject.organizational_units);
  fields.texts("dnsNames", request.names.dns);
  fields.texts("ipAddresses", request.names.ips);
  fields.texts("uris", request.names.uris);
  fields.texts("emailAddresses", request.names.emails);
  fields.text("commonName", request.subject.common_name);
  if (request.subject.common_name.empty() && !request.names.dns.empty() &&
      request.names.dns[0].size() <= 64) {
    request.subject.common_name = request.names.dns[0];
  } else if (request.subject.common_name.empty() && !request.names.ips.empty()) {
    request.subject.common_name = request.names.ips[0];
  }
  fields.duration("lifetime", request.lifetime, pki::kMinLifetime);
  fields.duration("backdate", request.backdate, seconds(0));
  if (usage == Usage::none) return;
  if (const auto checked = pki::check(request); !checked) {
    fields.problem("commonName", checked.error().message);
  }
}

CertificateConfig read_certificate(Fields& fields, bool sds) {
  CertificateConfig out;
  fields.text("name", out.name);
  if (out.name.empty()) fields.problem("name", "is not given");
  fields.text("authority", out.authority);
  out.server_authority = out.authority;
  fields.text("serverAuthority", out.server_authority);
  fields.text("clientAuthority", out.client_authority);
  read_request(fields, out);
  fields.fraction("renewAt", out.policy.renew_at);
  fields.key_algorithm("key", out.algorithm);
  fields.text("folder", out.folder);
  fields.mode("keyMode", out.key_mode);
  fields.map("certsD", [&](Fields& certs_d) {
    certs_d.text("root", out.certs_d);
    certs_d.texts("hosts", out.hosts);
    for (const std::string& host : out.hosts) {
      if (host.empty() || host.find('/') != std::string::npos || host.starts_with('.')) {
        certs_d.problem("hosts", "\"" + host + "\" is no HOST[:PORT]");
      }
    }
  });
  if (out.folder.empty() && out.hosts.empty() && !sds) {
    fields.problem("folder", "there is nowhere to put it: give folder, certsD or sds.socket");
  }
  return out;
}

void check_references(const Config& config, std::vector<std::string>& problems) {
  const auto known = [&](const std::string& name) {
    return std::ranges::find(config.authorities, name, &AuthorityConfig::name) !=
           config.authorities.end();
  };
  if (config.authorities.empty()) problems.emplace_back("authorities: there are none");
  std::set<std::string> names;
  for (const CertificateConfig& one : config.certificates) {
    const std::string where = "certificates." + one.name + ": ";
    if (!names.insert(one.name).second) problems.push_back(where + "the name is there twice");
    for (const auto* authority : {&one.authority, &one.server_authority}) {
      if (!known(*authority)) {
        problems.push_back(where + "there is no authority \"" + *authority + '"');
      }
    }
    if (!one.client_authority.empty() && !known(one.client_authority)) {
      problems.push_back(where + "there is no authority \"" + one.client_authority + '"');
    }
  }
}

void read_all(const nlohmann::json& root, Config& out, std::vector<std::string>& problems) {
  Fields fields(root, "", problems);
  if (!root.is_object()) return;
  fields.text("name", out.name);
  fields.map("log", [&](Fields& log) {
    log.choice("level", kLevels, out.log_level);
    log.choice("format", kFormats, out.log_format);
  });
  fields.map("debug", [&](Fields& debug) { debug.text("addr", out.debug_address); });
  fields.map("sds", [&](Fields& sds) {
    sds.text("socket", out.sds_socket);
    sds.mode("mode", out.sds_mode);
  });
  fields.map("coordination", [&](Fields& section) { section.text("lease", out.lease); });
  fields.maps("authorities", [&](const std::string& name, Fields& authority) {
    out.authorities.push_back(read_authority(name, authority));
  });
  fields.list("certificates", [&](Fields& certificate) {
    out.certificates.push_back(read_certificate(certificate, !out.sds_socket.empty()));
  });
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& default_name) {
  BUNKER_TRY_ASSIGN(const auto documents, yaml::read(text));
  if (documents.size() != 1) return fail(Code::invalid, "it is not one YAML document");
  Config out;
  out.name = default_name;
  std::vector<std::string> problems;
  read_all(documents.front(), out, problems);
  if (problems.empty()) check_references(out, problems);
  if (problems.empty()) return out;
  std::string all;
  for (const std::string& problem : problems) all += (all.empty() ? "" : "\n") + problem;
  return fail(Code::invalid, std::move(all));
}

}  // namespace bunker::certsidecar
