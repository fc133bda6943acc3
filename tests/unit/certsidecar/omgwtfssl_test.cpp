// What OMGWTFSSL's users rely on: its variables, its files, its CA that stays.
#include "certsidecar/commands/omgwtfssl.h"

#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "certsidecar/files/posix.h"
#include "lib/pki/bundle.h"
#include "lib/pki/signing_request.h"
#include "lib/pki/verify.h"
#include "lib/yaml/yaml.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/certsidecar/manual_clock.h"

namespace bunker::certsidecar {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Omgwtfssl : public testing::Test {
 protected:
  Result<void> run() {
    out_.str("");
    return omgwtfssl(environment(), folder_ / "certs", {out_, clock_});
  }
  void must() {
    const auto done = run();
    ASSERT_TRUE(done.has_value()) << to_string(done.error());
  }
  Environment environment() const {
    return [this](const char* name) -> const char* {
      const auto at = variables_.find(name);
      return at == variables_.end() ? nullptr : at->second.c_str();
    };
  }
  std::string text(const std::string& name) const {
    const auto read = read_file(folder_ / ("certs/" + name));
    EXPECT_TRUE(read.has_value()) << name;
    return read ? std::string(read->view()) : "";
  }
  pki::Certificate certificate(const std::string& name) const {
    return pki::parse_bundle(text(name)).value().front();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_ / "certs")) {
      out.push_back(entry.path().filename());
    }
    std::ranges::sort(out);
    return out;
  }

  TempFolder folder_;
  ManualClock clock_;
  std::ostringstream out_;
  std::map<std::string, std::string> variables_;
};

TEST_F(Omgwtfssl, IsAskedForByItsOwnVariablesAlone) {
  EXPECT_FALSE(asks_for_omgwtfssl(environment()));
  variables_["SSL_CERT_FILE"] = "/etc/ssl/certs/ca-certificates.crt";  // OpenSSL's
  EXPECT_FALSE(asks_for_omgwtfssl(environment()));
  variables_["CA_EXPIRE"] = "";
  EXPECT_FALSE(asks_for_omgwtfssl(environment()));
  variables_["SSL_IP"] = "192.168.0.42";
  EXPECT_TRUE(asks_for_omgwtfssl(environment()));
}

TEST_F(Omgwtfssl, TheWalkThroughsCommand) {
  variables_["SSL_IP"] = "192.168.0.42";
  must();
  EXPECT_THAT(files(), ElementsAre("ca-key.pem", "ca.pem", "ca.srl", "cert.pem", "key.csr",
                                   "key.pem", "openssl.cnf", "secret.yaml"));
  const pki::Certificate ca = certificate("ca.pem");
  const pki::Certificate leaf = certificate("cert.pem");
  EXPECT_EQ(ca.subject.text, "CN=test-ca");
  EXPECT_EQ(leaf.subject.text, "CN=example.com");
  EXPECT_EQ(leaf.algorithm, pki::KeyAlgorithm::rsa_2048);
  EXPECT_TRUE(pki::names_host(leaf, "192.168.0.42"));
  EXPECT_TRUE(pki::names_host(leaf, "example.com"));
  EXPECT_NEAR((leaf.not_after - clock_.now()) / days(1), 60, 1);
  for (const auto purpose : {pki::Purpose::server, pki::Purpose::client}) {
    EXPECT_TRUE(pki::verify(leaf, {.roots = {&ca, 1}}, purpose, clock_.now()).has_value());
  }
  EXPECT_TRUE(pki::fits(pki::PrivateKey::from_pem(text("key.pem")).value(), leaf));
  EXPECT_EQ(pki::parse_signing_request(text("key.csr")).value().key.der(), leaf.public_key);
  for (const char* key : {"ca-key.pem", "key.pem", "secret.yaml"}) {
    EXPECT_EQ(fs::status(folder_ / ("certs/" + std::string(key))).permissions(), fs::perms(0600));
  }
  EXPECT_THAT(out_.str(), HasSubstr("new CA certificate"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("PRIVATE")));
}

TEST_F(Omgwtfssl, TheCaStaysAndTheRestIsNew) {
  variables_["SSL_DNS"] = "one.example, two.example";
  must();
  const pki::Certificate ca = certificate("ca.pem");
  const pki::Certificate leaf = certificate("cert.pem");
  EXPECT_THAT(leaf.names.dns, ElementsAre("one.example", "two.example", "example.com"));
  must();
  EXPECT_EQ(certificate("ca.pem"), ca);
  EXPECT_NE(certificate("cert.pem"), leaf);
  EXPECT_THAT(out_.str(), HasSubstr("existing CA"));
}

TEST_F(Omgwtfssl, EveryVariableCounts) {
  variables_ = {{"CA_KEY", "my-ca.key"},     {"CA_CERT", "my-ca.crt"},
                {"CA_SUBJECT", "My CA"},     {"CA_EXPIRE", "10"},
                {"SSL_CONFIG", "my.cnf"},    {"SSL_KEY", "my.key"},
                {"SSL_CSR", "my.csr"},       {"SSL_CERT", "my.crt"},
                {"SSL_SIZE", "3072"},        {"SSL_EXPIRE", "30"},
                {"SSL_SUBJECT", "my.host"},  {"SILENT", "false"},
                {"K8S_SAVE_CA_CRT", "true"}, {"K8S_NAME", "mine"},
                {"K8S_NAMESPACE", "team"},   {"OUTPUT", "k8s"}};
  must();
  EXPECT_THAT(files(), ElementsAre("my-ca.crt", "my-ca.key", "my-ca.srl", "my.cnf", "my.crt",
                                   "my.csr", "my.key", "secret.yaml"));
  const pki::Certificate leaf = certificate("my.crt");
  EXPECT_EQ(leaf.algorithm, pki::KeyAlgorithm::rsa_3072);
  EXPECT_EQ(leaf.not_after, certificate("my-ca.crt").not_after) << "no longer than its CA";
  const auto documents = yaml::read(out_.str()).value();
  ASSERT_THAT(documents, testing::SizeIs(1));
  EXPECT_EQ(documents[0]["metadata"]["name"], "mine");
  EXPECT_EQ(documents[0]["metadata"]["namespace"], "team");
  EXPECT_TRUE(documents[0]["data"].contains("ca.crt"));
  EXPECT_FALSE(documents[0]["data"].contains("ca.key"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("#")));
}

TEST_F(Omgwtfssl, YamlOnRequestHasEveryFile) {
  variables_ = {{"SSL_DNS", "registry"}, {"OUTPUT", "yaml"}};
  must();
  const auto documents = yaml::read(out_.str()).value();
  ASSERT_THAT(documents, testing::SizeIs(1));
  EXPECT_EQ(documents[0]["ca_key"], text("ca-key.pem"));
  EXPECT_EQ(documents[0]["ca_crt"], text("ca.pem"));
  EXPECT_EQ(documents[0]["ssl_key"], text("key.pem"));
  EXPECT_EQ(documents[0]["ssl_csr"], text("key.csr"));
  EXPECT_EQ(documents[0]["ssl_crt"], text("cert.pem"));
}

TEST_F(Omgwtfssl, AKeyAloneGetsACertificateAndACertificateAloneIsRefused) {
  variables_["SSL_IP"] = "192.0.2.1";
  must();
  const std::string key = text("ca-key.pem");
  fs::remove(folder_ / "certs/ca.pem");
  must();
  EXPECT_EQ(text("ca-key.pem"), key);
  fs::remove(folder_ / "certs/ca-key.pem");
  EXPECT_THAT(run().error().message, HasSubstr("without its key"));
}

TEST_F(Omgwtfssl, ASubjectThatIsNoHostIsForAClientAlone) {
  variables_["SSL_SUBJECT"] = "Alice Smith";
  must();
  EXPECT_TRUE(certificate("cert.pem").for_clients);
  EXPECT_FALSE(certificate("cert.pem").for_servers);
}

TEST_F(Omgwtfssl, BadValuesAreNamed) {
  for (const auto& [name, bad] : std::map<std::string, std::string>{{"SSL_SIZE", "1024"},
                                                                    {"CA_EXPIRE", "soon"},
                                                                    {"SSL_EXPIRE", "0"},
                                                                    {"OUTPUT", "xml"},
                                                                    {"SSL_DNS", "a b/c"},
                                                                    {"SSL_IP", "a.host"}}) {
    variables_ = {{name, bad}};
    const auto done = run();
    ASSERT_FALSE(done.has_value()) << name;
    EXPECT_EQ(done.error().code, Code::invalid);
    EXPECT_FALSE(fs::exists(folder_ / "certs")) << name << " left something behind";
  }
}

}  // namespace
}  // namespace bunker::certsidecar
