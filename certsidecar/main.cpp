// certsidecar's command line.
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "certsidecar/commands/commands.h"
#include "certsidecar/commands/omgwtfssl.h"
#include "certsidecar/config/config.h"
#include "certsidecar/duration.h"
#include "certsidecar/files/posix.h"
#include "certsidecar/serve.h"
#include "lib/base/host_name.h"
#include "lib/observability/metrics.h"

namespace {

using namespace bunker;
using namespace bunker::certsidecar;

constexpr int kUsageError = 2;
const std::string kCertsDHelp = "Where docker, podman and skopeo look for certificates";

struct RunOptions {
  std::string config;
  bool check = false;
};

// What the command line says; each command reads its part.
struct Options {
  CaOptions ca;
  IssueOptions issue;
  FolderOptions folders;
  RevokeOptions revoke;
  RunOptions run;
  // As typed, before they are understood.
  std::string lifetime;
  std::string key = "ecdsa-p256";
};

using Command = std::function<Result<void>(const Console&)>;

Result<void> understand(Options& options) {
  BUNKER_TRY_ASSIGN(const auto algorithm, pki::parse_key_algorithm(options.key));
  options.ca.settings.algorithm = options.issue.algorithm = algorithm;
  if (options.lifetime.empty()) return {};
  BUNKER_TRY_ASSIGN(const auto lifetime, parse_duration(options.lifetime));
  options.ca.settings.lifetime = options.issue.lifetime = lifetime;
  return {};
}

void add_key_options(CLI::App* command, Options& options, const std::string& lifetime) {
  command->add_option("--key", options.key,
                      "ecdsa-p256 (default), ecdsa-p384, rsa-2048, rsa-3072, rsa-4096, ed25519");
  command->add_option("--lifetime", options.lifetime, "Such as 90d or 36h; default: " + lifetime);
}

void add_ca_commands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* ca = app.add_subcommand("ca", "Make and rotate a certificate authority in a folder");
  ca->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help, auto function) {
    CLI::App* command = ca->add_subcommand(name, help);
    command->add_option("--ca", options.ca.folder, "The authority's folder; default: ca");
    command->callback([&options, &chosen, function] {
      chosen = [&options, function](const Console& console) {
        return function(options.ca, console);
      };
    });
    return command;
  };
  CLI::App* init = add("init", "Make a new one", ca_init);
  init->add_option("--name", options.ca.settings.common_name, "Its name; default: Bunker CA");
  init->add_option("--organization", options.ca.settings.organizations, "May be repeated");
  add_key_options(init, options, "3650d");
  add("show", "Show who signs, who follows, and who is trusted still", ca_show);
  add("prepare", "Make the next CA, and trust it beside this one", ca_prepare);
  add("rotate", "The same: a running certsidecar activates it when hosts had time to fetch it",
      ca_prepare);
  add("activate", "Let the next CA sign; the old one is trusted still", ca_activate);
  CLI::App* retire = add("retire", "Distrust the previous CAs", ca_retire);
  retire->add_flag("--now", options.ca.now, "Even if certificates of them are in use");
  add("taint", "Emergency: sign with a new CA at once", ca_taint);
}

void add_issue_commands(CLI::App& app, Options& options, Command& chosen) {
  IssueOptions& issue = options.issue;
  CLI::App* command = app.add_subcommand("issue", "Issue a certificate");
  command->require_subcommand(1);
  const auto common = [&](CLI::App* sub) {
    sub->add_option("--ca", issue.ca, "The folder of the authority that signs; default: ca");
    sub->add_option("--organization", issue.organizations, "May be repeated");
    sub->add_option("--unit", issue.units, "An organizational unit; may be repeated");
    sub->add_option("--uri", issue.uris, "An alternative name; may be repeated");
    add_key_options(sub, options, "90d");
  };
  CLI::App* server = command->add_subcommand("server", "For a registry");
  server->add_option("NAME", issue.names, "Its DNS names and IP addresses")->required();
  server->add_option("--out", issue.out, "The folder to write; default: certs");
  server->add_option("--client-ca", issue.client_ca,
                     "The folder of the authority that signs for its clients; default: --ca");
  common(server);
  server->callback(
      [&] { chosen = [&](const Console& console) { return issue_server(issue, console); }; });
  CLI::App* client = command->add_subcommand("client", "For somebody who pushes and pulls");
  client->add_option("NAME", issue.names, "Who it is")->required()->expected(1);
  client->add_option("--out", issue.out, "A folder to write");
  client->add_option("--csr", issue.csr,
                     "Sign this request's key instead of making one; needs --out");
  client->add_option("--host", issue.hosts, "HOST[:PORT] of a registry, for certs.d; repeatable");
  client->add_option("--certs-d", issue.certs_d, kCertsDHelp);
  client->add_option("--server-ca", issue.server_ca,
                     "The folder of the authority that signs for the registry; default: --ca");
  common(client);
  client->callback(
      [&] { chosen = [&](const Console& console) { return issue_client(issue, console); }; });
}

void add_folder_commands(CLI::App& app, Options& options, Command& chosen) {
  FolderOptions& folders = options.folders;
  const auto add = [&](const std::string& name, const std::string& help, auto function) {
    CLI::App* command = app.add_subcommand(name, help);
    command->callback([&folders, &chosen, function] {
      chosen = [&folders, function](const Console& console) { return function(folders, console); };
    });
    return command;
  };
  CLI::App* renewal =
      add("renew", "Issue certificates anew where it is due, and hand out bundles and lists",
          certsidecar::renew);
  renewal->add_option("FOLDER", folders.folders, "As issue wrote it")->required();
  renewal->add_option("--ca", folders.ca, "The folder of the authority; default: ca");
  renewal->add_option("--client-ca", folders.client_ca, "As for issue server");
  renewal->add_option("--server-ca", folders.server_ca, "As for issue client");
  renewal->add_flag("--force", folders.force, "Also what is not due");
  CLI::App* state = add("status", "Show what there is, and until when", certsidecar::status);
  state->add_option("FOLDER", folders.folders, "Of certificates");
  state->add_option("--ca", folders.ca, "The folder of the authority; default: ca");
  add("verify", "Check certificates as their peers do", verify_folders)
      ->add_option("FOLDER", folders.folders, "Of certificates")
      ->required();
  CLI::App* install = add("install-client", "Give docker a client certificate for a registry",
                          certsidecar::install_client);
  install->add_option("HOST", folders.hosts, "HOST[:PORT] of the registry")->required();
  install->add_option("--from", folders.folders, "A folder that issue client wrote")
      ->required()
      ->expected(1);
  install->add_option("--certs-d", folders.certs_d, kCertsDHelp);
}

void add_revoke_command(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* command = app.add_subcommand("revoke", "Revoke certificates");
  command->add_option("NAME", options.revoke.names, "Of clients: every certificate that is out");
  command->add_option("--serial", options.revoke.serials, "Hexadecimal; may be repeated");
  command->add_option("--ca", options.revoke.ca, "The folder of the authority; default: ca");
  command->callback([&] {
    chosen = [&](const Console& console) { return certsidecar::revoke(options.revoke, console); };
  });
}

// $POD_NAME, which the Downward API gives, else the host's name.
std::string replica_name() {
  if (const char* pod = std::getenv("POD_NAME"); pod != nullptr && *pod != '\0') return pod;
  return host_name("certsidecar");
}

Result<void> run(const RunOptions& options, const FolderOptions& folders, const Console& console) {
  if (options.config.empty()) {
    if (folders.folders.empty()) {
      return fail(Code::invalid, "it is not said what to keep", "give folders, or --config FILE");
    }
    BUNKER_TRY_ASSIGN(const Config config, keep(folders, replica_name(), console.clock));
    return serve(config);
  }
  BUNKER_TRY_ASSIGN(const auto text, read_file(options.config));
  auto config = parse_config(text.view(), replica_name());
  if (!config) {
    return fail(Code::invalid, options.config + " has mistakes:\n" + config.error().message);
  }
  if (!options.check) return serve(*config);
  console.out << options.config << ": valid\n";
  return {};
}

void add_run_command(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* command =
      app.add_subcommand("run", "Keep certificates issued, renewed and delivered until SIGTERM");
  CLI::Option* config =
      command->add_option("--config", options.run.config, "YAML: docs/certsidecar.md");
  command->add_flag("--check", options.run.check, "Only say what is wrong with the configuration")
      ->needs(config);
  command->add_option("FOLDER", options.folders.folders, "Without --config: keep what issue wrote")
      ->excludes(config);
  command->add_option("--ca", options.folders.ca, "The folder of its authority; default: ca")
      ->excludes(config);
  command->callback([&] {
    chosen = [&](const Console& console) { return run(options.run, options.folders, console); };
  });
}

// The working folder; an image that sets none begins at the root, where nobody wants files.
std::string omgwtfssl_folder() {
  std::error_code failed;
  const auto here = std::filesystem::current_path(failed);
  return failed || here == "/" ? "/certs" : here.string();
}

int report(const Result<void>& done) {
  if (done) return 0;
  std::cerr << "certsidecar: " << done.error().message << '\n';
  if (!done.error().detail.empty()) std::cerr << "  " << done.error().detail << '\n';
  return done.error().code == Code::invalid ? kUsageError : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const SystemClock clock;
  const Console console{std::cout, clock};
  const auto environment = [](const char* name) { return std::getenv(name); };
  if (argc == 1 && asks_for_omgwtfssl(environment)) {
    return report(omgwtfssl(environment, omgwtfssl_folder(), console));
  }
  CLI::App app("Issues, renews, rotates and revokes the certificates of a registry.",
               "certsidecar");
  app.set_version_flag("--version", "certsidecar " + std::string(build_version()) + " (" +
                                        std::string(build_revision()) + ")");
  app.require_subcommand(1);
  Options options;
  Command chosen;
  add_ca_commands(app, options, chosen);
  add_issue_commands(app, options, chosen);
  add_folder_commands(app, options, chosen);
  add_revoke_command(app, options, chosen);
  add_run_command(app, options, chosen);
  CLI11_PARSE(app, argc, argv);

  if (const auto understood = understand(options); !understood) return report(understood);
  return report(chosen(console));
}
