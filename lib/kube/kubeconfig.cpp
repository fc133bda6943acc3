#include "lib/kube/kubeconfig.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/yaml/yaml.h"

namespace bunker::kube {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::string variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

const json& member(const json& node, const char* key) {
  static const json kNone;
  if (!node.is_object()) return kNone;
  const auto found = node.find(key);
  return found == node.end() ? kNone : *found;
}

// A scalar as it was meant: who writes `token: 12345` means text.
std::string text(const json& node, const char* key) {
  const json& value = member(node, key);
  if (value.is_string()) return value.get<std::string>();
  return value.is_primitive() && !value.is_null() ? value.dump() : std::string();
}

// One kubeconfig, with its own folder for relative paths.
class File {
 public:
  File(std::string path, json root)
      : path_(std::move(path)), folder_(fs::path(path_).parent_path()), root_(std::move(root)) {}

  Result<ConnectionOptions> connection(std::string context) const {
    if (context.empty()) context = text(root_, "current-context");
    BUNKER_TRY_ASSIGN(const json in, entry("contexts", "context", context));
    BUNKER_TRY_ASSIGN(const json cluster, entry("clusters", "cluster", text(in, "cluster")));
    BUNKER_TRY_ASSIGN(const json user, entry("users", "user", text(in, "user")));
    ConnectionOptions out;
    if (const std::string ns = text(in, "namespace"); !ns.empty()) out.ns = ns;
    out.server = text(cluster, "server");
    out.server_name = text(cluster, "tls-server-name");
    out.verify = member(cluster, "insecure-skip-tls-verify") != true;
    BUNKER_TRY_ASSIGN(out.ca, pem(cluster, "certificate-authority"));
    BUNKER_TRY(read_user(user, out.credentials));
    return out;
  }

 private:
  Result<json> entry(const char* list, const char* kind, const std::string& name) const {
    for (const json& each : member(root_, list)) {
      if (text(each, "name") == name && member(each, kind).is_object()) return member(each, kind);
    }
    return fail(Code::not_found, path_ + " has no " + kind + " named \"" + name + "\"",
                "name one that it has, or mend current-context");
  }

  std::string resolved(const std::string& file) const {
    return file.empty() ? file : (folder_ / file).string();
  }

  // KEY-data in base64, else what is in the file KEY; empty where there is neither.
  Result<std::string> pem(const json& node, const std::string& key) const {
    if (const std::string data = text(node, (key + "-data").c_str()); !data.empty()) {
      const std::optional<std::string> decoded = base64_decode(data);
      if (!decoded) return fail(Code::invalid, path_ + ": " + key + "-data is not base64");
      return *decoded;
    }
    const std::string file = resolved(text(node, key.c_str()));
    if (file.empty()) return std::string();
    std::optional<std::string> content = read_file(file);
    if (!content)
      return fail(Code::not_found, path_ + ": " + key + " " + file + " is not readable");
    return *std::move(content);
  }

  Result<void> read_user(const json& user, CredentialOptions& out) const {
    for (const char* refused : {"auth-provider", "username", "password"}) {
      if (user.contains(refused)) {
        return fail(Code::invalid, path_ + ": " + refused + " is not supported",
                    "use a token, a client certificate or exec");
      }
    }
    out.token = text(user, "token");
    out.token_file = resolved(text(user, "tokenFile"));
    BUNKER_TRY_ASSIGN(out.identity.certificate, pem(user, "client-certificate"));
    BUNKER_TRY_ASSIGN(out.identity.key, pem(user, "client-key"));
    if (!user.contains("client-certificate-data")) {
      out.certificate_file = resolved(text(user, "client-certificate"));
    }
    if (!user.contains("client-key-data")) out.key_file = resolved(text(user, "client-key"));
    if (user.contains("exec")) read_exec(user["exec"], out.exec);
    return {};
  }

  void read_exec(const json& exec, ExecPlugin& out) const {
    out.command = text(exec, "command");
    // A path with a slash is relative to the kubeconfig, a bare name is looked for in PATH.
    if (out.command.find('/') != std::string::npos) out.command = resolved(out.command);
    out.api_version = text(exec, "apiVersion");
    for (const json& each : member(exec, "args")) {
      if (each.is_string()) out.arguments.push_back(each.get<std::string>());
    }
    for (const json& each : member(exec, "env")) out.env[text(each, "name")] = text(each, "value");
  }

  std::string path_;
  fs::path folder_;
  json root_;
};

}  // namespace

Result<ConnectionOptions> in_cluster_connection(const Environment& environment,
                                                const std::string& folder) {
  const std::string host = variable(environment, "KUBERNETES_SERVICE_HOST");
  const std::string port = variable(environment, "KUBERNETES_SERVICE_PORT");
  const std::string token_file = folder + "/token";
  if (host.empty() || port.empty() || !fs::exists(token_file)) {
    return fail(Code::not_found, "this is no pod with a service account",
                "set automountServiceAccountToken: true, or give a kubeconfig");
  }
  ConnectionOptions out;
  const bool v6 = host.find(':') != std::string::npos;
  out.server = "https://" + (v6 ? "[" + host + "]" : host) + ":" + port;
  out.ca = read_file(folder + "/ca.crt").value_or("");
  out.ns = read_file(folder + "/namespace").value_or("default");
  out.credentials.token_file = token_file;
  return out;
}

Result<ConnectionOptions> kubeconfig_connection(const std::string& path,
                                                const std::string& context) {
  const std::optional<std::string> content = read_file(path);
  if (!content) return fail(Code::not_found, "kubeconfig " + path + " is not readable");
  Result<std::vector<json>> documents = yaml::read(*content);
  if (!documents) {
    return fail(Code::invalid, path + " is no kubeconfig: " + documents.error().message);
  }
  if (documents->size() != 1 || !documents->front().is_object()) {
    return fail(Code::invalid, path + " is no kubeconfig");
  }
  return File(path, std::move(documents->front())).connection(context);
}

Result<ConnectionOptions> find_connection(const std::string& path, const Environment& environment) {
  if (!path.empty()) return kubeconfig_connection(path);
  if (Result<ConnectionOptions> pod = in_cluster_connection(environment)) return pod;
  const std::string named = variable(environment, "KUBECONFIG");
  if (!named.empty()) return kubeconfig_connection(named);
  return kubeconfig_connection(variable(environment, "HOME") + "/.kube/config");
}

}  // namespace bunker::kube
