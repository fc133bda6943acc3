#include "lib/kube/exec_plugin.h"

#include <cstdio>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/encoding.h"

extern char** environ;

namespace bunker::kube {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMostOutput = 1024 * 1024;

std::vector<std::string> environment_of(const ExecPlugin& plugin) {
  std::vector<std::string> out;
  for (char** each = environ; *each != nullptr; ++each) out.emplace_back(*each);
  for (const auto& [name, value] : plugin.env) out.push_back(name + "=" + value);
  const nlohmann::json info = {{"apiVersion", plugin.api_version},
                               {"kind", "ExecCredential"},
                               {"spec", {{"interactive", false}}}};
  out.push_back("KUBERNETES_EXEC_INFO=" + info.dump());
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Reads `fd` to its end; nullopt: too much, or too late.
std::optional<std::string> read_all(int fd) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string out;
  while (out.size() <= kMostOutput) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd wait{fd, POLLIN, 0};
    if (left.count() <= 0 || poll(&wait, 1, static_cast<int>(left.count())) <= 0) return {};
    char buffer[4096];
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0) return std::nullopt;
    if (got == 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
  }
  return std::nullopt;
}

std::string text_of(const nlohmann::json& status, const char* key) {
  const auto found = status.find(key);
  return found != status.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<ExecCredential> parse_exec_credential(std::string_view text) {
  const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("status") || !document["status"].is_object()) {
    return fail(Code::invalid, "no ExecCredential with a status");
  }
  const nlohmann::json& status = document["status"];
  ExecCredential out;
  out.token = text_of(status, "token");
  out.identity = {text_of(status, "clientCertificateData"), text_of(status, "clientKeyData")};
  out.expires = parse_rfc3339(text_of(status, "expirationTimestamp"));
  return out;
}

Result<ExecCredential> run_exec_plugin(const ExecPlugin& plugin) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(Code::retry_later, "no pipe for " + plugin.command);
  std::vector<std::string> words = {plugin.command};
  words.insert(words.end(), plugin.arguments.begin(), plugin.arguments.end());
  std::vector<std::string> env = environment_of(plugin);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, plugin.command.c_str(), &actions, nullptr,
                                  pointers(words).data(), pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed != 0) {
    close(ends[0]);
    return fail(Code::unauthenticated, "the credential plugin " + plugin.command + " cannot run",
                "install it, or name its path in users[].user.exec.command");
  }
  const std::optional<std::string> printed = read_all(ends[0]);
  close(ends[0]);
  if (!printed) kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  if (!printed || status != 0) {
    return fail(Code::unauthenticated, "the credential plugin " + plugin.command + " failed",
                "its own message is on standard error");
  }
  Result<ExecCredential> out = parse_exec_credential(*printed);
  if (!out) {
    return fail(Code::unauthenticated,
                "the credential plugin " + plugin.command + " printed " + out.error().message);
  }
  return out;
}

}  // namespace bunker::kube
