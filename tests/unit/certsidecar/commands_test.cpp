// The command line's commands on folders: what the seed's walk-through did with openssl.
#include "certsidecar/commands/commands.h"

#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "certsidecar/authority/folder_store.h"
#include "certsidecar/files/certificate_folder.h"
#include "lib/pki/bundle.h"
#include "lib/pki/signing_request.h"
#include "lib/pki/verify.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/certsidecar/manual_clock.h"

namespace bunker::certsidecar {
namespace {

using std::chrono::days;
using testing::HasSubstr;

class Commands : public testing::Test {
 protected:
  Commands() {
    ca_.folder = folder_ / "ca";
    must(ca_init(ca_, console()));
    server_.ca = client_.ca = folders_.ca = revoke_.ca = ca_.folder;
    server_.names = {"192.0.2.1", "registry.example.com"};
    server_.out = folder_ / "certs";
    client_.names = {"alice"};
    client_.hosts = {"registry.example.com:5000"};
    client_.certs_d = folder_ / "certs.d";
    folders_.folders = {server_.out};
    must(issue_server(server_, console()));
    must(issue_client(client_, console()));
  }

  Console console() { return {out_, clock_}; }

  void must(const Result<void>& done) { EXPECT_TRUE(done.has_value()) << to_string(done.error()); }

  std::string client_folder() const { return client_.certs_d + '/' + client_.hosts[0]; }

  CertificateFolder read(const std::string& folder) const {
    auto found = read_certificate_folder(folder);
    EXPECT_TRUE(found.has_value()) << to_string(found.error());
    return std::move(found).value();
  }

  // What the registry with the certificate in `certs` says of the client in certs.d.
  Result<void> registry_accepts() const {
    const auto server = read(server_.out);
    const auto roots = pki::parse_bundle(*server.trust.client_bundle).value();
    const auto crls = pki::parse_crls(*server.trust.client_crl).value();
    return pki::verify(read(client_folder()).leaf->certificate, {.roots = roots, .crls = crls},
                       pki::Purpose::client, clock_.now());
  }

  // What docker says of the registry.
  Result<void> client_accepts() const {
    const auto roots = pki::parse_bundle(read(client_folder()).trust.bundle).value();
    return pki::verify(read(server_.out).leaf->certificate, {.roots = roots}, pki::Purpose::server,
                       clock_.now());
  }

  TempFolder folder_;
  ManualClock clock_;
  std::ostringstream out_;
  CaOptions ca_;
  IssueOptions server_;
  IssueOptions client_;
  FolderOptions folders_;
  RevokeOptions revoke_;
};

TEST_F(Commands, ServerAndClientTrustEachOther) {
  must(registry_accepts());
  must(client_accepts());
  const pki::Certificate leaf = read(server_.out).leaf->certificate;
  EXPECT_TRUE(pki::names_host(leaf, "192.0.2.1"));
  EXPECT_TRUE(pki::names_host(leaf, "registry.example.com"));
  EXPECT_THAT(out_.str(), testing::Not(HasSubstr("PRIVATE")));
}

TEST_F(Commands, RotationKeepsBothInTrustUntilTheOldIsRetired) {
  must(ca_prepare(ca_, console()));
  folders_.folders = {server_.out, client_folder()};
  must(renew(folders_, console()));  // hands out the next CA
  must(ca_activate(ca_, console()));
  folders_.folders = {server_.out};
  must(renew(folders_, console()));  // a leaf of the new CA
  must(client_accepts());
  must(registry_accepts());
  EXPECT_THAT(ca_retire(ca_, console()).error().message, HasSubstr("are in use until"));
  folders_.folders = {client_folder()};
  must(renew(folders_, console()));
  clock_.advance(days(8));
  must(ca_retire(ca_, console()));
  folders_.folders = {server_.out, client_folder()};
  must(renew(folders_, console()));
  must(client_accepts());
  must(registry_accepts());
  EXPECT_THAT(pki::parse_bundle(read(server_.out).trust.bundle).value(), testing::SizeIs(1));
}

TEST_F(Commands, ARevokedClientIsRefused) {
  revoke_.names = {"bob"};
  EXPECT_EQ(revoke(revoke_, console()).error().code, Code::not_found);
  revoke_.names = {"alice"};
  must(revoke(revoke_, console()));
  must(renew(folders_, console()));
  EXPECT_THAT(registry_accepts().error().message, HasSubstr("revoked"));
  must(issue_client(client_, console()));
  must(registry_accepts());
}

TEST_F(Commands, SerialsAreTakenAsOpensslShowsThem) {
  std::string serial = read(client_folder()).leaf->certificate.serial;
  std::string shown;
  for (std::size_t i = 0; i < serial.size(); i += 2) {
    shown += (i == 0 ? "" : ":") + serial.substr(i, 2);
  }
  std::ranges::transform(shown, shown.begin(), [](unsigned char c) { return std::toupper(c); });
  revoke_.serials = {shown};
  must(revoke(revoke_, console()));
  must(renew(folders_, console()));
  EXPECT_FALSE(registry_accepts().has_value());
}

TEST_F(Commands, RenewsWhatIsDueWithTheNamesItHas) {
  const pki::Certificate before = read(server_.out).leaf->certificate;
  must(renew(folders_, console()));
  EXPECT_EQ(read(server_.out).leaf->certificate, before);
  clock_.advance(days(61));
  must(renew(folders_, console()));
  const CertificateFolder after = read(server_.out);
  EXPECT_NE(after.leaf->certificate, before);
  EXPECT_EQ(after.leaf->certificate.names, before.names);
  EXPECT_NE(after.leaf->certificate.public_key, before.public_key);
  EXPECT_LE(after.leaf->certificate.not_after - clock_.now(), days(90));
  must(client_accepts());
}

TEST_F(Commands, ATaintedCaIsReplacedAtOnce) {
  must(ca_taint(ca_, console()));
  must(renew(folders_, console()));
  EXPECT_FALSE(client_accepts().has_value());  // as documented: the host has the old bundle
  folders_.folders = {client_folder()};
  must(renew(folders_, console()));
  must(client_accepts());
  ca_.now = true;
  must(ca_retire(ca_, console()));
}

TEST_F(Commands, VerifiesAndShows) {
  must(verify_folders(folders_, console()));
  must(status(folders_, console()));
  EXPECT_THAT(out_.str(), HasSubstr("client alice: serial "));
  clock_.advance(days(91));
  EXPECT_THAT(verify_folders(folders_, console()).error().message,
              HasSubstr("certificate has expired"));
}

// The key never leaves the machine where it was made; who it is for is said here, not there.
TEST_F(Commands, SignsAKeyThatStaysWhereItIs) {
  const auto key = pki::PrivateKey::generate(pki::KeyAlgorithm::ecdsa_p256).value();
  pki::DistinguishedName subject;
  subject.common_name = "alice";
  subject.organizations = {"administrators"};
  folder_.write("alice.csr", pki::make_signing_request(key, subject, {}).value());
  client_.csr = folder_ / "alice.csr";
  EXPECT_EQ(issue_client(client_, console()).error().code, Code::invalid);  // certs.d needs the key
  const std::string docker_folder = client_folder();
  client_.hosts.clear();
  client_.out = folder_ / "signed";
  folder_.write("signed/tls.key", key.to_pem().view());
  must(issue_client(client_, console()));
  const pki::Certificate leaf = read(client_.out).leaf->certificate;
  EXPECT_TRUE(pki::fits(key, leaf));
  EXPECT_EQ(leaf.subject.text, "CN=alice");
  must(status(folders_, console()));
  EXPECT_THAT(out_.str(), HasSubstr("client alice: serial " + leaf.serial));
  must(issue_client(client_, console()));  // beside its own key

  client_.out = folder_ / "theirs";
  const auto other = pki::PrivateKey::generate(pki::KeyAlgorithm::ecdsa_p256).value();
  folder_.write("theirs/tls.key", other.to_pem().view());
  for (const std::string& folder : {client_.out, server_.out, docker_folder}) {
    client_.out = folder;
    EXPECT_EQ(issue_client(client_, console()).error().message,
              folder + " holds a certificate with its key already");
  }

  client_.names = {"bob"};
  EXPECT_THAT(issue_client(client_, console()).error().message, HasSubstr("not of \"bob\""));
  folder_.write("alice.csr", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA");
  EXPECT_THAT(issue_client(client_, console()).error().message, HasSubstr("cut off"));
}

TEST_F(Commands, KeepsWhatTheFoldersHold) {
  folders_.folders = {server_.out, client_folder() + '/'};
  const Config config = keep(folders_, "me", clock_).value();
  ASSERT_EQ(config.certificates.size(), 2U);
  const CertificateConfig& server = config.certificates[0];
  EXPECT_EQ(server.folder, server_.out);
  EXPECT_EQ(server.client_authority, "ca");
  EXPECT_TRUE(server.request.for_servers);
  EXPECT_EQ(server.request.lifetime, days(90));
  const CertificateConfig& client = config.certificates[1];
  EXPECT_EQ(client.certs_d, client_.certs_d);
  EXPECT_EQ(client.hosts, client_.hosts);
  EXPECT_EQ(config.authorities[0].settings.lifetime, days(3650));
}

TEST_F(Commands, KeepsNoFolderOfAnotherAuthority) {
  CaOptions other;
  other.folder = folder_ / "clients";
  must(ca_init(other, console()));
  const auto refusal = [&](const std::string& folder) {
    folders_.folders = {folder};
    return keep(folders_, "me", clock_).error().message;
  };
  const std::string of = " is not of the authority in " + ca_.folder;
  server_.client_ca = other.folder;
  must(issue_server(server_, console()));
  EXPECT_EQ(refusal(server_.out), server_.out + ": clientca.crt" + of);
  client_.ca = other.folder;
  must(issue_client(client_, console()));
  EXPECT_EQ(refusal(client_folder()), client_folder() + ": ca.crt" + of);
  client_.server_ca = ca_.folder;
  must(issue_client(client_, console()));
  EXPECT_EQ(refusal(client_folder()), client_folder() + ": the certificate" + of);
}

TEST_F(Commands, KeepsFoldersThroughARotation) {
  folders_.folders = {server_.out, client_folder()};
  const auto kept = [&] { return keep(folders_, "me", clock_).has_value(); };
  must(ca_prepare(ca_, console()));
  EXPECT_TRUE(kept());
  must(renew(folders_, console()));
  must(ca_activate(ca_, console()));
  EXPECT_TRUE(kept());
  ca_.now = true;
  must(ca_retire(ca_, console()));
  EXPECT_TRUE(kept());  // of the old CA, which the folder knows beside the new
}

TEST_F(Commands, InstallsAClientForAnotherHost) {
  client_.out = folder_ / "alice";
  client_.hosts.clear();
  must(issue_client(client_, console()));
  folders_.folders = {client_.out};
  folders_.hosts = {"192.0.2.1"};
  folders_.certs_d = client_.certs_d;
  must(install_client(folders_, console()));
  EXPECT_EQ(read(client_.certs_d + "/192.0.2.1").leaf->certificate,
            read(client_.out).leaf->certificate);
  folders_.folders = {server_.out};
  EXPECT_EQ(install_client(folders_, console()).error().code, Code::invalid);
}

}  // namespace
}  // namespace bunker::certsidecar
