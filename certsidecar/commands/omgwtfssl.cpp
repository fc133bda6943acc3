#include "certsidecar/commands/omgwtfssl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "certsidecar/files/posix.h"
#include "lib/base/encoding.h"
#include "lib/pki/authority.h"
#include "lib/pki/issue.h"
#include "lib/pki/signing_request.h"
#include "lib/yaml/yaml.h"

namespace bunker::certsidecar {
namespace {

using std::chrono::days;

constexpr std::array<const char*, 13> kVariables = {
    "CA_KEY",   "CA_CERT",  "CA_SUBJECT", "CA_EXPIRE",   "SSL_CONFIG", "SSL_KEY", "SSL_CSR",
    "SSL_CERT", "SSL_SIZE", "SSL_EXPIRE", "SSL_SUBJECT", "SSL_DNS",    "SSL_IP"};

struct Settings {
  std::string ca_key, ca_cert, ca_serial, config, key, csr, cert, secret;  // paths
  std::string ca_subject, subject, dns, ips;
  days ca_life{0}, life{0};
  pki::KeyAlgorithm algorithm = pki::KeyAlgorithm::rsa_2048;
  std::string output;  // "", "yaml" or "k8s"
  std::string secret_name, secret_namespace;
  bool silent = false, secret_has_ca_key = false, secret_has_ca = false;
};

std::string value(const Environment& environment, const char* name, const char* fallback) {
  const char* given = environment(name);
  return given == nullptr || *given == '\0' ? fallback : given;
}

bool given(const Environment& environment, const char* name) {
  return !value(environment, name, "").empty();
}

Result<days> read_days(const Environment& environment, const char* name) {
  const std::string text = value(environment, name, "60");
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1 || count > 36'500) {
    return fail(Code::invalid, std::string(name) + " is \"" + text + "\", and no number of days",
                "give 1 to 36500");
  }
  return days(count);
}

Result<Settings> read_settings(const Environment& environment, const std::string& folder) {
  const auto path = [&](const char* name, const char* fallback) {
    return (std::filesystem::path(folder) / value(environment, name, fallback)).string();
  };
  Settings out;
  out.ca_key = path("CA_KEY", "ca-key.pem");
  out.ca_cert = path("CA_CERT", "ca.pem");
  out.ca_serial = std::filesystem::path(out.ca_cert).replace_extension(".srl").string();
  out.config = path("SSL_CONFIG", "openssl.cnf");
  out.key = path("SSL_KEY", "key.pem");
  out.csr = path("SSL_CSR", "key.csr");
  out.cert = path("SSL_CERT", "cert.pem");
  out.secret = (std::filesystem::path(folder) / "secret.yaml").string();
  out.ca_subject = value(environment, "CA_SUBJECT", "test-ca");
  out.subject = value(environment, "SSL_SUBJECT", "example.com");
  out.dns = value(environment, "SSL_DNS", "");
  out.ips = value(environment, "SSL_IP", "");
  BUNKER_TRY_ASSIGN(out.ca_life, read_days(environment, "CA_EXPIRE"));
  BUNKER_TRY_ASSIGN(out.life, read_days(environment, "SSL_EXPIRE"));
  const std::string size = value(environment, "SSL_SIZE", "2048");
  const auto algorithm = pki::parse_key_algorithm("rsa-" + size);
  if (!algorithm) {
    return fail(Code::invalid, "SSL_SIZE is \"" + size + "\"", "give 2048, 3072 or 4096");
  }
  out.algorithm = *algorithm;
  out.output = value(environment, "OUTPUT", "");
  if (!out.output.empty() && out.output != "yaml" && out.output != "k8s") {
    return fail(Code::invalid, "OUTPUT is \"" + out.output + "\"", "give yaml or k8s");
  }
  out.secret_name = value(environment, "K8S_NAME", "omgwtfssl");
  out.secret_namespace = value(environment, "K8S_NAMESPACE", "default");
  out.silent = given(environment, "SILENT");
  out.secret_has_ca_key = given(environment, "K8S_SAVE_CA_KEY");
  out.secret_has_ca = given(environment, "K8S_SAVE_CA_CRT");
  return out;
}

void add_list(const std::string& commas, std::vector<std::string>& out) {
  std::istringstream parts(commas);
  for (std::string part; std::getline(parts, part, ',');) {
    std::erase(part, ' ');
    if (!part.empty()) out.push_back(std::move(part));
  }
}

Result<pki::LeafRequest> read_request(const Settings& settings) {
  pki::LeafRequest request;
  request.subject.common_name = settings.subject;
  request.for_clients = true;
  request.lifetime = settings.life;
  std::vector<std::string> hosts;
  add_list(settings.dns, hosts);
  // Clients of today look at the alternative names alone, so the subject is among them: always,
  // where it can be a host's name.
  pki::LeafRequest lone = request;
  lone.names = pki::names_of_hosts({settings.subject});
  if (pki::check(lone) && std::ranges::find(hosts, settings.subject) == hosts.end()) {
    hosts.push_back(settings.subject);
  }
  request.names = pki::names_of_hosts(hosts);
  add_list(settings.ips, request.names.ips);
  request.for_servers = !request.names.empty();
  BUNKER_TRY(pki::check(request));
  return request;
}

// What openssl would need to make the request again.
std::string config_text(const pki::AlternativeNames& names) {
  std::string out =
      "[req]\nreq_extensions = v3_req\ndistinguished_name = req_distinguished_name\n"
      "[req_distinguished_name]\n[v3_req]\nbasicConstraints = CA:FALSE\n"
      "keyUsage = digitalSignature, keyEncipherment\nextendedKeyUsage = clientAuth, serverAuth\n";
  if (names.empty()) return out;
  out += "subjectAltName = @alt_names\n[alt_names]\n";
  const auto list = [&out](const char* kind, const std::vector<std::string>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      out += std::string(kind) + '.' + std::to_string(i + 1) + " = " + all[i] + '\n';
    }
  };
  list("DNS", names.dns);
  list("IP", names.ips);
  return out;
}

class Run {
 public:
  Run(Settings settings, const Console& console)
      : settings_(std::move(settings)), console_(console), now_(console.clock.now()) {}

  Result<void> run() {
    BUNKER_TRY_ASSIGN(const pki::LeafRequest request, read_request(settings_));
    BUNKER_TRY_ASSIGN(const pki::Authority ca, authority());
    BUNKER_TRY_ASSIGN(const auto key, pki::PrivateKey::generate(settings_.algorithm));
    BUNKER_TRY_ASSIGN(const std::string csr,
                      pki::make_signing_request(key, request.subject, request.names));
    BUNKER_TRY_ASSIGN(const auto leaf, pki::issue(ca, key.public_key(), request, now_));
    const std::string ca_pem = pki::to_pem(ca.certificate());
    const std::string leaf_pem = pki::to_pem(leaf);
    BUNKER_TRY(put("config file", settings_.config, config_text(request.names), 0644));
    BUNKER_TRY(put("SSL key", settings_.key, key.to_pem().view(), 0600));
    BUNKER_TRY(put("SSL request", settings_.csr, csr, 0644));
    BUNKER_TRY(put("SSL certificate", settings_.cert, leaf_pem, 0644));
    std::string serial = leaf.serial + '\n';
    std::ranges::transform(serial, serial.begin(), [](unsigned char c) { return std::toupper(c); });
    BUNKER_TRY(put("serial", settings_.ca_serial, serial, 0644));
    return show(ca, key, csr, leaf_pem, ca_pem);
  }

 private:
  void say(const std::string& line) const {
    if (!settings_.silent) console_.out << "# " << line << '\n';
  }

  Result<void> put(const char* what, const std::string& path, std::string_view bytes,
                   mode_t mode) const {
    BUNKER_TRY(make_folders(std::filesystem::path(path).parent_path().string(), 0755));
    BUNKER_TRY(replace_file(path, bytes, mode));
    say(std::string("new ") + what + ": " + path);
    return {};
  }

  // The CA in the folder, or a new one. A key alone gets a certificate.
  Result<pki::Authority> authority() const {
    auto certificate = read_file(settings_.ca_cert);
    auto key = read_file(settings_.ca_key);
    for (const auto* file : {&certificate, &key}) {
      if (!*file && file->error().code != Code::not_found) return fail(file->error());
    }
    if (certificate && !key) {
      return fail(Code::invalid,
                  settings_.ca_cert + " is there without its key, " + settings_.ca_key,
                  "put the key beside it, or move the certificate away");
    }
    if (certificate) {
      auto ca = pki::Authority::from_pem(certificate->view(), key->view());
      if (!ca) {
        return fail(Code::invalid, settings_.ca_cert + ": " + ca.error().message,
                    ca.error().detail);
      }
      say("existing CA: " + settings_.ca_cert + ", " + settings_.ca_key);
      return ca;
    }
    auto ca_key = key ? pki::PrivateKey::from_pem(key->view())
                      : pki::PrivateKey::generate(settings_.algorithm);
    if (!ca_key) {
      return fail(Code::invalid, settings_.ca_key + ": " + ca_key.error().message,
                  ca_key.error().detail);
    }
    pki::AuthorityRequest request;
    request.common_name = settings_.ca_subject;
    request.lifetime = settings_.ca_life;
    BUNKER_TRY_ASSIGN(pki::Authority ca, pki::make_authority(*ca_key, request, now_));
    if (!key) BUNKER_TRY(put("CA key", settings_.ca_key, ca_key->to_pem().view(), 0600));
    BUNKER_TRY(put("CA certificate", settings_.ca_cert, pki::to_pem(ca.certificate()), 0644));
    return ca;
  }

  // secret.yaml, and what OUTPUT asks for: private keys go to the output only by request.
  Result<void> show(const pki::Authority& ca, const pki::PrivateKey& key, const std::string& csr,
                    const std::string& leaf_pem, const std::string& ca_pem) const {
    const auto text = [](const pki::PrivateKey& one) { return std::string(one.to_pem().view()); };
    nlohmann::ordered_json data = {{"tls.crt", base64_encode(leaf_pem)},
                                   {"tls.key", base64_encode(text(key))}};
    if (settings_.secret_has_ca_key) data["ca.key"] = base64_encode(text(ca.key()));
    if (settings_.secret_has_ca) data["ca.crt"] = base64_encode(ca_pem);
    const nlohmann::ordered_json secret = {
        {"apiVersion", "v1"},
        {"kind", "Secret"},
        {"metadata", {{"name", settings_.secret_name}, {"namespace", settings_.secret_namespace}}},
        {"type", "kubernetes.io/tls"},
        {"data", std::move(data)}};
    const std::string yaml = yaml::write(secret);
    BUNKER_TRY(put("Kubernetes Secret", settings_.secret, yaml, 0600));
    if (settings_.output == "k8s") console_.out << "---\n" << yaml;
    if (settings_.output == "yaml") {
      console_.out << "---\n"
                   << yaml::write(nlohmann::ordered_json{{"ca_key", text(ca.key())},
                                                         {"ca_crt", ca_pem},
                                                         {"ssl_key", text(key)},
                                                         {"ssl_csr", csr},
                                                         {"ssl_crt", leaf_pem}});
    }
    return {};
  }

  const Settings settings_;
  const Console& console_;
  const SystemTime now_;
};

}  // namespace

bool asks_for_omgwtfssl(const Environment& environment) {
  return std::ranges::any_of(kVariables,
                             [&](const char* name) { return given(environment, name); });
}

Result<void> omgwtfssl(const Environment& environment, const std::string& folder,
                       const Console& console) {
  BUNKER_TRY_ASSIGN(Settings settings, read_settings(environment, folder));
  return Run(std::move(settings), console).run();
}

}  // namespace bunker::certsidecar
