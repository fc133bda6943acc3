#include "lib/kube/kubeconfig.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/credentials.h"
#include "lib/kube/exec_plugin.h"
#include "tests/support/temp_folder.h"

namespace bunker::kube {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ManualClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return time; }
  SystemTime time{1'700'000'000s};
};

class KubeconfigTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) {
    folder_.write(name, content);
    return folder_ / name;
  }

  TempFolder folder_;
  ManualClock clock_;
};

constexpr const char* kConfig = R"(
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c
  cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: Q0E=, tls-server-name: api}
- name: d
  cluster: {server: "http://127.0.0.1:1", insecure-skip-tls-verify: true, certificate-authority: pki/ca.crt}
users:
- name: u
  user: {token: abc}
- name: v
  user: {client-certificate: pki/v.crt, client-key-data: S0VZ}
- name: w
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [a, b], env: [{name: E, value: f}]}
- name: x
  user: {username: root, password: secret}
contexts:
- name: one
  context: {cluster: c, user: u, namespace: team}
- name: two
  context: {cluster: d, user: v}
- name: three
  context: {cluster: d, user: w}
- name: four
  context: {cluster: d, user: x}
- name: five
  context: {cluster: nowhere, user: x}
)";

TEST_F(KubeconfigTest, TheCurrentContextSaysWhereAndWho) {
  const ConnectionOptions found = kubeconfig_connection(write("config", kConfig)).value();
  EXPECT_EQ(found.server, "https://10.0.0.1:6443");
  EXPECT_EQ(found.ca, "CA");
  EXPECT_EQ(found.server_name, "api");
  EXPECT_TRUE(found.verify);
  EXPECT_EQ(found.ns, "team");
  EXPECT_EQ(make_credentials(found.credentials, clock_)->bearer().value(), "abc");
}

TEST_F(KubeconfigTest, PathsAreRelativeToTheFile) {
  write("pki/ca.crt", "AUTHORITY");
  write("pki/v.crt", "CERTIFICATE");
  const ConnectionOptions found = kubeconfig_connection(write("config", kConfig), "two").value();
  EXPECT_EQ(found.ca, "AUTHORITY");
  EXPECT_FALSE(found.verify);
  const auto credentials = make_credentials(found.credentials, clock_);
  EXPECT_EQ(credentials->identity().certificate, "CERTIFICATE");
  EXPECT_EQ(credentials->identity().key, "KEY");
  write("pki/v.crt", "RENEWED");
  EXPECT_EQ(credentials->identity().certificate, "RENEWED");
}

TEST_F(KubeconfigTest, WhatIsMissingOrNotSupportedIsSaid) {
  const std::string path = write("config", kConfig);
  write("pki/ca.crt", "AUTHORITY");
  EXPECT_EQ(kubeconfig_connection(path, "nope").error().code, Code::not_found);
  EXPECT_THAT(kubeconfig_connection(path, "five").error().message, HasSubstr("nowhere"));
  EXPECT_THAT(kubeconfig_connection(path, "four").error().message, HasSubstr("username"));
  EXPECT_EQ(kubeconfig_connection(write("bad", "- 1")).error().code, Code::invalid);
  EXPECT_EQ(kubeconfig_connection(write("bad", "{a: [")).error().code, Code::invalid);
  EXPECT_EQ(kubeconfig_connection("/does/not/exist").error().code, Code::not_found);
}

TEST_F(KubeconfigTest, APodHasItAtHand) {
  const std::string folder = folder_.path();
  const Environment environment = {{"KUBERNETES_SERVICE_HOST", "fd00::1"},
                                   {"KUBERNETES_SERVICE_PORT", "443"}};
  EXPECT_EQ(in_cluster_connection(environment, folder).error().code, Code::not_found);
  write("token", "one\n");
  write("ca.crt", "CA");
  write("namespace", "prod");
  const ConnectionOptions found = in_cluster_connection(environment, folder).value();
  EXPECT_EQ(found.server, "https://[fd00::1]:443");
  EXPECT_EQ(found.ns, "prod");
  EXPECT_EQ(in_cluster_connection({}, folder).error().code, Code::not_found);
}

TEST_F(KubeconfigTest, ATokenFileIsReadAgainInTimeAndWhenItIsRefused) {
  const std::string path = write("token", "one\n");
  const auto credentials = make_credentials({.token_file = path}, clock_);
  EXPECT_EQ(credentials->bearer().value(), "one");
  write("token", "two\n");
  EXPECT_EQ(credentials->bearer().value(), "one");
  clock_.time += 61s;
  EXPECT_EQ(credentials->bearer().value(), "two");
  EXPECT_FALSE(credentials->refused());  // the file has nothing else
  write("token", "three\n");
  EXPECT_TRUE(credentials->refused());
  EXPECT_EQ(credentials->bearer().value(), "three");
  std::filesystem::remove(path);
  clock_.time += 61s;
  EXPECT_EQ(credentials->bearer().value(), "three");  // better than none
}

TEST_F(KubeconfigTest, APluginIsRunAgainOnlyWhenItsCredentialEnds) {
  const std::string count = folder_ / "count";
  write("plugin",
        "#!/bin/sh\n"
        "count='" +
            count + "'\n" +
            R"sh(echo "$1 $2 $E" >> "$count"
echo "$KUBERNETES_EXEC_INFO" | grep -q ExecCredential || exit 3
lines=$(wc -l < "$count")
echo '{"kind":"ExecCredential","status":{"token":"t'$lines'",'
echo '"expirationTimestamp":"2023-11-14T23:00:00Z"}}'
)sh");
  std::filesystem::permissions(folder_ / "plugin", std::filesystem::perms::owner_all);
  write("pki/ca.crt", "AUTHORITY");
  const auto found = kubeconfig_connection(write("config", kConfig), "three").value();
  const auto credentials = make_credentials(found.credentials, clock_);
  EXPECT_EQ(credentials->bearer().value(), "t1");
  EXPECT_EQ(credentials->bearer().value(), "t1");
  clock_.time += 1h;
  EXPECT_EQ(credentials->bearer().value(), "t2");
  std::string line;
  std::ifstream lines(count);
  std::getline(lines, line);
  EXPECT_EQ(line, "a b f");
}

TEST_F(KubeconfigTest, APluginThatFailsIsNamed) {
  const auto failed = run_exec_plugin({.command = "false"});
  EXPECT_EQ(failed.error().code, Code::unauthenticated);
  EXPECT_THAT(failed.error().message, HasSubstr("false"));
  EXPECT_FALSE(run_exec_plugin({.command = "/no/such/program"}));
  EXPECT_FALSE(run_exec_plugin({.command = "echo", .arguments = {"secret"}}));
  EXPECT_FALSE(parse_exec_credential("{}"));
}

}  // namespace
}  // namespace bunker::kube
