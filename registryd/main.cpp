// registryd's command line.
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "lib/observability/metrics.h"
#include "registryd/config/load.h"
#include "registryd/serve.h"

namespace {

using namespace bunker;

constexpr int kUsageError = 2;

config::Environment environment() {
  return config::make_environment(environ);
}

std::string path_or_default(const std::string& path) {
  return path.empty() ? config::default_path(environment()) : path;
}

int run_serve(const std::string& path) {
  const config::Report report = config::check_file(path_or_default(path), environment());
  if (!report.ok()) {
    std::cerr << config::format(report.findings)
              << "registryd: not started: the configuration has mistakes (above)\n";
    return kUsageError;
  }
  const Result<void> served = serve(report.config, report.findings);
  if (served) return 0;
  std::cerr << "registryd: " << served.error().message << '\n';
  if (!served.error().detail.empty()) std::cerr << "  " << served.error().detail << '\n';
  return 1;
}

int run_verify(const std::string& path, bool print) {
  const std::string file = path_or_default(path);
  const config::Report report = config::check_file(file, environment());
  std::cerr << config::format(report.findings);
  if (!report.ok()) return kUsageError;
  if (print) {
    std::cout << config::print(report.config);
  } else {
    std::cout << file << ": valid\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A container registry on an object store or a folder.", "registryd");
  app.set_version_flag("--version", "registryd " + std::string(build_version()) + " (" +
                                        std::string(build_revision()) + ")");
  app.require_subcommand(1);
  std::string path;
  bool print = false;
  const std::string path_help =
      "The configuration, config.yml version 0.1. Without it: $REGISTRY_CONFIGURATION_PATH, else "
      "/etc/docker/registry/config.yml";

  CLI::App* serve_command = app.add_subcommand("serve", "Serve the registry until SIGTERM");
  serve_command->add_option("CONFIG", path, path_help);
  CLI::App* verify_command =
      app.add_subcommand("verify", "Say what is wrong with a configuration, and how to mend it");
  verify_command->add_option("CONFIG", path, path_help);
  verify_command->add_flag("--print", print,
                           "Print the configuration in force, defaults included, secrets masked");
  CLI11_PARSE(app, argc, argv);

  if (serve_command->parsed()) return run_serve(path);
  return run_verify(path, print);
}
