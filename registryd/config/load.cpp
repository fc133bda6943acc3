#include "registryd/config/load.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "registryd/config/checks.h"
#include "registryd/config/decoder.h"
#include "registryd/config/environment.h"
#include "registryd/config/schema.h"
#include "registryd/config/values.h"
#include "registryd/config/yaml.h"

namespace bunker::config {
namespace {

constexpr std::string_view kDefaultPath = "/etc/docker/registry/config.yml";

Finding about_file(const std::string& path, std::string message, std::string remedy) {
  return {Severity::error, path, 0, 0, {}, std::move(message), std::move(remedy)};
}

// The file's bytes; one more than is allowed at most. Or the finding that says why not.
std::expected<std::string, Finding> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             &std::fclose);
  if (!file) {
    return std::unexpected(about_file(path,
                                      std::string("cannot be opened: ") + std::strerror(errno),
                                      "name the file, set " + std::string(kPathVariable) +
                                          ", or put it at " + std::string(kDefaultPath)));
  }
  std::string text(kMaxYamlBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return std::unexpected(about_file(path, std::string("cannot be read: ") + std::strerror(errno),
                                      "name a file, not a directory"));
  }
  return text;
}

bool has_error(std::span<const Finding> findings) {
  return std::ranges::find(findings, Severity::error, &Finding::severity) != findings.end();
}

std::string mistakes(std::span<const Finding> findings) {
  const auto count = std::ranges::count(findings, Severity::error, &Finding::severity);
  return std::to_string(count) + (count == 1 ? " mistake" : " mistakes");
}

Result<Loaded> to_result(Report report, const std::string& source) {
  if (report.ok()) return Loaded{std::move(report.config), std::move(report.findings)};
  return fail(Code::invalid, "the configuration " + source + " has " + mistakes(report.findings),
              format(report.findings));
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return "error";
}

}  // namespace

Environment make_environment(const char* const* variables) {
  Environment environment;
  for (; *variables != nullptr; ++variables) {
    const std::string_view variable = *variables;
    const std::size_t equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return environment;
}

std::string default_path(const Environment& environment) {
  const auto found = environment.find(std::string(kPathVariable));
  if (found != environment.end() && !found->second.empty()) return found->second;
  return std::string(kDefaultPath);
}

bool Report::ok() const {
  return !has_error(findings);
}

Report check(std::string_view text, const std::string& source, const Environment& environment) {
  Report report;
  const auto shared_source = std::make_shared<const std::string>(source);
  std::optional<Node> root = parse_yaml(text, shared_source, true, report.findings);
  if (!root) return report;
  if (root->kind == Node::Kind::null) {
    report.findings.push_back(
        about_file(*shared_source, "is empty", "it needs `version: 0.1` and `storage:` at least"));
    return report;
  }
  const Key& top = schema();
  for (const Key& key : top.children) {
    if (Entry* entry = root->find(key.name)) expand_name(key, entry->value);
  }
  apply_environment(environment, top, *root, report.findings);
  Decoder decoder(report.findings);
  read_section(decoder, top, *root, &report.config);
  check_whole(decoder, *root, report.config);
  return report;
}

Report check_file(const std::string& path, const Environment& environment) {
  std::expected<std::string, Finding> text = read_file(path);
  if (text) return check(*text, path, environment);
  Report report;
  report.findings.push_back(std::move(text).error());
  return report;
}

Result<Loaded> load(const std::string& path, const Environment& environment) {
  return to_result(check_file(path, environment), path);
}

Result<Loaded> parse(std::string_view text, const std::string& source,
                     const Environment& environment) {
  Report report = check(text, source, environment);
  return to_result(std::move(report), source);
}

Result<access::PolicyText> parse_policy(std::string_view text, const std::string& source) {
  std::vector<Finding> findings;
  const std::optional<Node> root =
      parse_yaml(text, std::make_shared<const std::string>(source), true, findings);
  Access read;
  if (root) {
    Decoder decoder(findings);
    read_section(decoder, policy_schema(), *root, &read);
    if (root->find("rules") == nullptr) {
      const Decoder::Scope scope(decoder, "rules");
      decoder.error(root->at, "is missing", "without any rule nobody may do anything: `rules: []`");
    }
  }
  if (has_error(findings)) {
    return fail(Code::invalid, "it has " + mistakes(findings), format(findings));
  }
  access::PolicyText policy;
  policy.has_rules = true;
  policy.rules = std::move(read.rules);
  policy.immutable = std::move(read.immutable);
  return policy;
}

std::string print(const Config& config) {
  Node root = print_section(schema(), &config);
  root.entries.insert(root.entries.begin(), Entry{"version", {}, make_scalar("0.1", false)});
  return print_yaml(root);
}

std::string format(std::span<const Finding> findings) {
  std::string out;
  for (const Severity severity : {Severity::error, Severity::warning, Severity::note}) {
    for (const Finding& finding : findings) {
      if (finding.severity != severity) continue;
      out += printable(finding.source);
      if (finding.line > 0) {
        out += ':' + std::to_string(finding.line) + ':' + std::to_string(finding.column);
      }
      out += ": ";
      out += to_string(severity);
      out += ": ";
      if (!finding.key.empty()) out += finding.key + ": ";
      out += finding.message + '\n';
      if (!finding.remedy.empty()) out += "    " + finding.remedy + '\n';
    }
  }
  return out;
}

}  // namespace bunker::config
