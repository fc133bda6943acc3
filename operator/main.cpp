// bunker-operator's command line.
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include <CLI/CLI.hpp>

#include "lib/observability/metrics.h"
#include "operator/plan/render.h"
#include "operator/run.h"

namespace {

using namespace bunker;

constexpr int kUsageError = 2;

int report(const Error& error) {
  std::cerr << "bunker-operator: " << error.message << '\n';
  if (!error.detail.empty()) std::cerr << "  " << error.detail << '\n';
  return error.code == Code::invalid ? kUsageError : 1;
}

int run_render(const std::string& file, const op::RunOptions& options) {
  std::ostringstream text;
  if (file == "-") {
    text << std::cin.rdbuf();
  } else {
    const std::ifstream in(file);
    if (!in) return report(Error(Code::invalid, file + " is not readable"));
    text << in.rdbuf();
  }
  op::RenderOptions how;
  how.images = options.images;
  how.cluster_domain = options.cluster_domain;
  const Result<std::string> rendered = op::render(text.str(), how);
  if (!rendered) return report(rendered.error());
  std::cout << *rendered;
  return 0;
}

void add_run_options(CLI::App& command, op::RunOptions& options) {
  command
      .add_option("--namespaces", options.namespaces,
                  "Namespaces to work in, separated by commas; without it: all")
      ->delimiter(',');
  command.add_option("--kubeconfig", options.kubeconfig,
                     "How to reach the API server; without it: as the pod's service account, else "
                     "$KUBECONFIG, else ~/.kube/config");
  command
      .add_option("--metrics-addr", options.metrics_address, "Where /metrics is served; 0: nowhere")
      ->capture_default_str();
  command
      .add_option("--health-addr", options.health_address,
                  "Where /healthz and /readyz are served; 0: nowhere")
      ->capture_default_str();
  command.add_option("--workers", options.workers, "Resources of a kind worked on at a time")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
}

void add_image_options(CLI::App& command, op::RunOptions& options) {
  command
      .add_option("--registryd-image", options.images.registryd, "For Registries that name none")
      ->capture_default_str();
  command.add_option("--certsidecar-image", options.images.certsidecar, "Likewise")
      ->capture_default_str();
  command.add_option("--redis-image", options.images.redis, "Likewise")->capture_default_str();
  command
      .add_option("--cluster-domain", options.cluster_domain, "What names in the cluster end in")
      ->capture_default_str();
}

void add_lease_options(CLI::App& command, op::RunOptions& options) {
  command.add_flag("--leader-elect,!--no-leader-elect", options.leader_elect,
                   "Work only while holding a Lease, so that several can run (default: on)");
  command.add_option("--leader-elect-name", options.lease_name, "The Lease's name")
      ->capture_default_str();
  command.add_option("--leader-elect-namespace", options.lease_namespace,
                     "The Lease's namespace; without it: the operator's own");
}

void add_log_options(CLI::App& command, op::RunOptions& options) {
  const std::map<std::string, LogLevel> levels = {{"debug", LogLevel::debug},
                                                  {"info", LogLevel::info},
                                                  {"warn", LogLevel::warn},
                                                  {"error", LogLevel::error}};
  const std::map<std::string, LogFormat> formats = {
      {"text", LogFormat::text}, {"json", LogFormat::json}, {"logstash", LogFormat::logstash}};
  command.add_option("--log-level", options.log_level, "debug, info, warn or error")
      ->transform(CLI::CheckedTransformer(levels).description(""))
      ->default_str("info");
  command.add_option("--log-format", options.log_format, "text, json or logstash")
      ->transform(CLI::CheckedTransformer(formats).description(""))
      ->default_str("text");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs registries on Kubernetes: one Registry resource becomes all that it needs.",
               "bunker-operator");
  app.set_version_flag("--version", "bunker-operator " + std::string(build_version()) + " (" +
                                        std::string(build_revision()) + ")");
  op::RunOptions options;
  add_run_options(app, options);
  add_lease_options(app, options);
  add_image_options(app, options);
  add_log_options(app, options);
  app.fallthrough();
  app.add_subcommand("run", "Run until SIGTERM (what is done without a command, too)");
  std::string file;
  CLI::App* render_command =
      app.add_subcommand("render", "Print the objects that a Registry becomes, without a cluster");
  render_command->add_option("FILE", file, "A Registry as YAML or JSON; -: standard input")
      ->required();
  app.require_subcommand(0, 1);
  CLI11_PARSE(app, argc, argv);

  if (render_command->parsed()) return run_render(file, options);
  const Result<void> done = op::run(options);
  return done ? 0 : report(done.error());
}
