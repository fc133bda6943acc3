// registryd's command line.
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "lib/observability/metrics.h"
#include "registryd/admin/loader.h"
#include "registryd/collection.h"
#include "registryd/config/load.h"
#include "registryd/serve.h"
#include "registryd/verify_storage.h"

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

int run_garbage_collect(const std::string& path, const GarbageCollect& wanted) {
  const config::Report report = config::check_file(path_or_default(path), environment());
  if (report.ok()) return garbage_collect(report.config, wanted);
  std::cerr << config::format(report.findings);
  return kUsageError;
}

int run_verify_storage(const std::string& path, bool repair) {
  const config::Report report = config::check_file(path_or_default(path), environment());
  if (report.ok()) return verify_storage(report.config, repair);
  std::cerr << config::format(report.findings);
  return kUsageError;
}

int run_admin(const std::vector<std::string>& arguments) {
  const auto module = admin::load_module({});
  if (module) return (*module)->run_client(arguments, std::cout, std::cerr);
  std::cerr << "registryd: " << module.error().message << "\n  " << module.error().detail << '\n';
  return 1;
}

// "30", "30s", "15m", "24h".
std::optional<std::chrono::seconds> parse_seconds(const std::string& text) {
  std::size_t end = 0;
  while (end < text.size() && end < 9 && text[end] >= '0' && text[end] <= '9') ++end;
  if (end == 0) return std::nullopt;
  const std::chrono::seconds number(std::stoll(text.substr(0, end)));
  const std::string unit = text.substr(end);
  if (unit.empty() || unit == "s") return number;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  return std::nullopt;
}

// Adds an option that takes a time.
void add_time(CLI::App& command, const std::string& name, std::optional<std::chrono::seconds>& into,
              const std::string& help) {
  command.add_option_function<std::string>(
      name,
      [name, &into](const std::string& text) {
        into = parse_seconds(text);
        if (!into) throw CLI::ValidationError(name, "is a time such as 90s, 15m or 24h");
      },
      help);
}

CLI::App* add_garbage_collect(CLI::App& app, GarbageCollect& wanted) {
  CLI::App* command = app.add_subcommand(
      "garbage-collect", "Delete what nothing refers to any more, beside running registryds");
  command->add_flag("-d,--dry-run", wanted.dry_run, "Only print what would go, with its size");
  command->add_flag("-m,--delete-untagged", wanted.delete_untagged,
                    "Manifests without a tag go, too, unless a tagged one holds or signs them");
  command->add_flag("--offline", wanted.offline,
                    "No registry runs on this storage: neither wait, nor spare what is young");
  command->add_flag("--force", wanted.force, "Even where distribution seems to write, too");
  command->add_flag("-q,--quiet", wanted.quiet, "Show no progress, and no list with --dry-run");
  add_time(*command, "--grace", wanted.grace, "Instead of bunker.collection.grace");
  add_time(*command, "--minimum-age", wanted.minimum_age,
           "Instead of bunker.collection.minimumage");
  return command;
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
  GarbageCollect collection;
  CLI::App* collect_command = add_garbage_collect(app, collection);
  collect_command->add_option("CONFIG", path, path_help);
  bool repair = false;
  CLI::App* storage_command = app.add_subcommand(
      "verify-storage", "Hash every blob again, follow every link, and say what is damaged");
  storage_command->add_option("CONFIG", path, path_help);
  storage_command->add_flag("--repair", repair,
                            "Remove links that lead nowhere, complete indexes, put damaged bytes "
                            "aside");
  CLI::App* admin_command =
      app.add_subcommand("admin", "Ask a running registryd; `registryd admin --help` says what");
  admin_command->prefix_command();
  admin_command->set_help_flag();
  CLI11_PARSE(app, argc, argv);

  if (serve_command->parsed()) return run_serve(path);
  if (collect_command->parsed()) return run_garbage_collect(path, collection);
  if (storage_command->parsed()) return run_verify_storage(path, repair);
  if (admin_command->parsed()) return run_admin({argv + 2, argv + argc});
  return run_verify(path, print);
}
